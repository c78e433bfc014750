// SPDX-License-Identifier: Apache-2.0
// The alert queue: what the filters show, kept up to date by the stream. It lives beside the pages, so that going back finds the same place.
import { get } from './api';
import { ask } from './route.svelte';
import { soon } from './soon';
import { listen } from './stream.svelte';
import type { Alert, List } from './types';

export interface Filters {
  status: string;
  priority: string;
  assignee: string;
  q: string;
}

const PAGE = 100;
const MANY = 15; // changes at once that are cheaper read as a whole
const SETTLE_MS = 250;
export const NO_FILTERS: Filters = { status: 'open', priority: '', assignee: '', q: '' };

function ranks(a: Alert, b: Alert): number {
  return b.score - a.score || (a.id < b.id ? 1 : -1);
}

class Queue {
  filters = $state<Filters>({ ...NO_FILTERS });
  items = $state.raw<Alert[]>([]);
  next = $state<string | null>(null);
  loaded = $state(false);
  error = $state<unknown>(null);
  current = $state('');
  arrived = $state.raw<ReadonlySet<string>>(new Set());
  // While the pointer is over the list nothing moves under it; what is new waits here.
  waiting = $state.raw<Alert[]>([]);
  #holding = false;
  #changed = new Set<string>();
  #asked = 0;

  get address(): string {
    const q = new URLSearchParams(this.#parameters());
    return `/alerts${q.size ? `?${q}` : ''}`;
  }

  #parameters(): Record<string, string> {
    const p: Record<string, string> = {};
    for (const [name, value] of Object.entries(this.filters)) if (value !== NO_FILTERS[name as keyof Filters]) p[name] = value;
    return p;
  }

  #query(cursor?: string) {
    const f = this.filters;
    return { status: f.status === 'all' ? '' : f.status, priority: f.priority, assignee: f.assignee, q: f.q, limit: PAGE, cursor };
  }

  setFilters(to: Partial<Filters>): void {
    this.filters = { ...this.filters, ...to };
    ask(this.#parameters());
    void this.load();
  }

  async load(): Promise<void> {
    const turn = ++this.#asked;
    try {
      const list = await get<List<Alert>>('alerts', this.#query());
      if (turn !== this.#asked) return;
      this.items = list.items;
      this.next = list.next_cursor;
      this.waiting = [];
      this.error = null;
    } catch (e) {
      if (turn === this.#asked) this.error = e;
    } finally {
      if (turn === this.#asked) this.loaded = true;
    }
  }

  async more(): Promise<void> {
    if (!this.next) return;
    try {
      const list = await get<List<Alert>>('alerts', this.#query(this.next));
      const have = new Set(this.items.map((a) => a.id));
      this.items = [...this.items, ...list.items.filter((a) => !have.has(a.id))];
      this.next = list.next_cursor;
    } catch (e) {
      this.error = e;
    }
  }

  hold(on: boolean): void {
    this.#holding = on;
    if (!on) this.release();
  }

  release(): void {
    if (this.waiting.length) this.arrived = new Set(this.waiting.map((a) => a.id));
    const next = [...this.items, ...this.waiting].sort(ranks);
    // Nothing to move: the same array keeps the page as it is.
    if (this.waiting.length || next.some((a, i) => a !== this.items[i])) this.items = next;
    this.waiting = [];
  }

  #fits(a: Alert): boolean {
    const f = this.filters;
    const status = f.status === 'all' || (f.status === 'open' ? a.status !== 'closed' : a.status === f.status);
    return status && (!f.priority || a.priority === f.priority) && (!f.assignee || a.assignee === f.assignee);
  }

  // An alert as it is now, from the stream or from our own change.
  put(a: Alert): void {
    const at = this.items.findIndex((x) => x.id === a.id);
    if (at >= 0) {
      const known = this.items[at]!;
      if (known.version > a.version) return;
      this.items = this.#fits(a) ? this.items.with(at, a) : this.items.filter((x) => x.id !== a.id);
    } else {
      const rest = this.waiting.filter((x) => x.id !== a.id);
      const last = this.items.at(-1);
      const beyond = this.next !== null && last !== undefined && ranks(a, last) > 0;
      this.waiting = this.#fits(a) && !beyond ? [...rest, a] : rest;
    }
    if (!this.#holding) this.release();
  }

  async #settle(): Promise<void> {
    const ids = [...this.#changed];
    this.#changed.clear();
    if (ids.length > MANY || this.filters.q) return this.load();
    for (const id of ids)
      try {
        this.put(await get<Alert>(`alerts/${id}`));
      } catch {
        return this.load();
      }
  }

  // For $effect: keeps the queue fresh until the answer is called.
  follow(): () => void {
    void this.load();
    const settle = soon(() => this.#settle(), SETTLE_MS);
    const end = listen(
      (c) => {
        if (c.noun !== 'alert') return;
        this.#changed.add(c.id);
        settle.call();
      },
      () => void this.load(),
    );
    return () => {
      settle.cancel();
      this.#holding = false;
      end();
    };
  }

  neighbour(id: string, step: 1 | -1): Alert | undefined {
    const at = this.items.findIndex((a) => a.id === id);
    return at < 0 ? this.items[0] : this.items[at + step];
  }
}

export const queue = new Queue();
