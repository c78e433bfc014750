// SPDX-License-Identifier: Apache-2.0
// One object of the API on a page: read, followed by the stream, and changed by version. When somebody was faster (412) nothing is lost:
// what he made of it and what we wanted stand side by side until the reader decides.
import { get, patch, Problem } from './api';
import { soon } from './soon';
import { listen } from './stream.svelte';
import type { Stored } from './types';

const SETTLE_MS = 150;

export class Held<T extends Stored, F extends string = string> {
  doc = $state.raw<T | null>(null);
  error = $state<unknown>(null);
  busy = $state(false);
  failed = $state<unknown>(null); // of the last change
  stale = $state.raw<{ theirs: T; wanted: object } | null>(null);
  // The form that is open, if any. What it was filled in upon must not change unseen, so nothing is read again meanwhile.
  form = $state<F | ''>('');
  #path: string;
  #noun: string;

  constructor(path: string, noun: string) {
    this.#path = path;
    this.#noun = noun;
  }

  async load(): Promise<void> {
    try {
      const now = await get<T>(this.#path);
      // An answer that was overtaken by our own change is old news.
      if (!this.doc || now.version >= this.doc.version) this.doc = now;
      this.error = null;
    } catch (e) {
      if (!this.doc || (e instanceof Problem && e.status === 404)) this.error = e;
    }
  }

  // For $effect.
  follow(): () => void {
    void this.load();
    const again = soon(async () => {
      if (!this.form && !this.busy && !this.stale) await this.load();
    }, SETTLE_MS);
    const end = listen(
      (c) => c.noun === this.#noun && c.id === this.doc?.id && c.version > this.doc.version && again.call(),
      again.call,
    );
    return () => {
      again.cancel();
      end();
    };
  }

  open(form: F): void {
    this.form = form;
    this.failed = null;
  }

  shut(): void {
    this.form = '';
    this.failed = null;
    void this.load();
  }

  // A change out of a form: its problems go back into the form, a version that is out of date to the comparison.
  async send(wanted: object): Promise<void> {
    if (await this.change(wanted)) this.shut();
    else if (this.stale) this.form = '';
    else if (this.failed) throw this.failed;
  }

  async change(wanted: object): Promise<boolean> {
    if (!this.doc) return false;
    this.busy = true;
    this.failed = null;
    try {
      this.doc = await patch<T>(this.#path, this.doc.version, wanted);
      return true;
    } catch (e) {
      if (e instanceof Problem && (e.status === 412 || e.status === 428)) await this.#compare(wanted);
      else this.failed = e;
      return false;
    } finally {
      this.busy = false;
    }
  }

  async #compare(wanted: object): Promise<void> {
    try {
      this.stale = { theirs: await get<T>(this.#path), wanted };
    } catch (e) {
      this.failed = e;
    }
  }

  // Theirs stands; ours is dropped, or sent again upon theirs.
  takeTheirs(): void {
    if (this.stale) this.doc = this.stale.theirs;
    this.stale = null;
  }

  async again(): Promise<boolean> {
    const wanted = this.stale?.wanted;
    this.takeTheirs();
    return wanted ? this.change(wanted) : false;
  }
}
