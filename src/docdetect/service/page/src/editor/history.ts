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

  /** Ends a row: the next step is a step of its own, whatever its kind. */
  endRow(): void {
    this.lastKind = "";
  }

  undo(): T {
    const before = this.past.pop();
    if (before !== undefined) {
      this.future.push(this.now);
      this.now = before;
    }
    this.lastKind = "";
    return this.now;
  }

  redo(): T {
    const after = this.future.pop();
    if (after !== undefined) {
      this.past.push(this.now);
      this.now = after;
    }
    this.lastKind = "";
    return this.now;
  }
}
