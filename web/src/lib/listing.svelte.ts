// SPDX-License-Identifier: Apache-2.0
// A list of the API, read page by page and again when the stream tells of a change in it.
import { get } from './api';
import { soon } from './soon';
import { listen } from './stream.svelte';
import type { List, Stored } from './types';

const SETTLE_MS = 300;

export class Listing<T extends Stored> {
  items = $state.raw<T[] | null>(null);
  error = $state.raw<unknown>(null);
  next = $state<string | null>(null);
  #path: string;
  #query: Record<string, string | number | undefined> = {};
  #asked = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async load(query: Record<string, string | number | undefined> = this.#query): Promise<void> {
    const turn = ++this.#asked;
    this.#query = query;
    try {
      const list = await get<List<T>>(this.#path, query);
      if (turn !== this.#asked) return;
      this.items = list.items;
      this.next = list.next_cursor;
      this.error = null;
    } catch (e) {
      if (turn === this.#asked) this.error = e;
    }
  }

  async more(): Promise<void> {
    if (!this.next) return;
    try {
      const list = await get<List<T>>(this.#path, { ...this.#query, cursor: this.next });
      this.items = [...(this.items ?? []), ...list.items];
      this.next = list.next_cursor;
    } catch (e) {
      this.error = e;
    }
  }

  // For $effect.
  follow(...nouns: string[]): () => void {
    const again = soon(() => this.load(), SETTLE_MS);
    const end = listen((c) => nouns.includes(c.noun) && again.call(), again.call);
    return () => {
      again.cancel();
      end();
    };
  }
}
