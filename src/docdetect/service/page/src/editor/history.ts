/** Steps that can be undone and redone. A step is a whole state, since states are small and never change. */

const MOST_STEPS = 200;

export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  private lastKind = "";

  constructor(private now: T) {}

  get present(): T {
    return this.now;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Adds a step. Steps of the same kind that follow each other, such as a row of key strokes, are one step. */
  add(state: T, kind = ""): void {
    if (kind === "" || kind !== this.lastKind) this.past = [...this.past, this.now].slice(-MOST_STEPS);
    this.lastKind = kind;
    this.now = state;
    this.future = [];
  }

  undo(): T {
    return this.go(this.past, this.future);
  }

  redo(): T {
    return this.go(this.future, this.past);
  }

  /** Goes to the last state of `there`; the one that was left is kept in `back`. */
  private go(there: T[], back: T[]): T {
    const next = there.pop();
    if (next !== undefined) {
      back.push(this.now);
      this.now = next;
    }
    this.lastKind = "";
    return this.now;
  }
}
