/** Numbers, times and categories in words. */

export const count = (value: number): string => value.toLocaleString("en");

export function plural(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}

export const percent = (value: number): string => `${Math.round(value * 100)} %`;

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

export function moment(iso: string): string {
  return new Date(iso).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

const NAMES: Record<string, [string, string]> = {
  qr: ["QR code", "QR codes"],
  signature: ["Signature", "Signatures"],
  stamp: ["Stamp", "Stamps"],
};

export const categoryName = (category: string): string => NAMES[category]?.[0] ?? category;
export const categoryNames = (category: string): string => NAMES[category]?.[1] ?? category;

/** The name within a sentence: QR stays QR. */
export const inSentence = (name: string): string => name.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

/** Such as "2 stamps". */
export const marksInWords = (value: number, category: string): string =>
  plural(value, inSentence(categoryName(category)), inSentence(categoryNames(category)));

const COLOURED = ["qr", "signature", "stamp"];

/** Class of CSS that gives a category its colour: the colours of the drawn pages of `infer`. */
export function categoryClass(category: string, categories: readonly string[]): string {
  const known = COLOURED.indexOf(category);
  return `cat cat-${known >= 0 ? category : `other-${categories.indexOf(category) % 7}`}`;
}
