/**
 * What waits for its time, the soonest first, in a binary heap: O(log n) to add and to take. The
 * order of equal times is open.
 */
export class DueHeap<T extends { readonly dueAt: number }> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let at = this.#items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || parent.dueAt <= item.dueAt) break;
      this.#items[at] = parent;
      at = above;
    }
    this.#items[at] = item;
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sinkFromTop(last);
    return first;
  }

  clear(): void {
    this.#items.length = 0;
  }

  #sinkFromTop(item: T): void {
    let at = 0;
    for (;;) {
      const below = this.#soonerChildOf(at);
      const child = this.#items[below];
      if (child === undefined || child.dueAt >= item.dueAt) break;
      this.#items[at] = child;
      at = below;
    }
    this.#items[at] = item;
  }

  #soonerChildOf(at: number): number {
    const left = 2 * at + 1;
    const [a, b] = [this.#items[left], this.#items[left + 1]];
    return a !== undefined && b !== undefined && b.dueAt < a.dueAt ? left + 1 : left;
  }
}
