// SPDX-License-Identifier: Apache-2.0
// One door to the API: problems as exceptions, versions as If-Match, keys that make a repeated POST harmless.
import type { Lang } from './lang.svelte';

export interface ProblemItem {
  code?: string;
  field?: string;
  message: string;
  message_ja?: string;
  hint?: string;
  line?: number;
  column?: number;
}

interface ProblemDocument {
  title?: string;
  title_ja?: string;
  status: number;
  code?: string;
  detail?: string;
  detail_ja?: string;
  errors?: ProblemItem[];
}

// RFC 9457, or no answer at all (status 0).
export class Problem extends Error {
  constructor(readonly doc: ProblemDocument) {
    super(doc.title ?? 'no answer');
  }
  get status(): number {
    return this.doc.status;
  }
  get errors(): ProblemItem[] {
    return this.doc.errors ?? [];
  }
  title(lang: Lang): string {
    return (lang === 'ja' && this.doc.title_ja) || this.doc.title || '';
  }
}

export interface Options {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  bytes?: Blob;
  version?: number;
}

let onLoggedOut: () => void = () => {};

export function whenLoggedOut(fn: () => void): void {
  onLoggedOut = fn;
}

function address(path: string, query: Options['query']): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== '') given.set(name, String(value));
  return `/api/v1/${path}${given.size ? `?${given}` : ''}`;
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

async function send(method: string, path: string, o: Options): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Hinomi-CSRF'] = '1';
  if (method === 'POST') headers['Idempotency-Key'] = newKey();
  if (o.version !== undefined) headers['If-Match'] = `"v${o.version}"`;
  if (o.body !== undefined) headers['Content-Type'] = 'application/json';
  if (o.bytes) headers['Content-Type'] = o.bytes.type || 'application/octet-stream';
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (o.body !== undefined) init.body = JSON.stringify(o.body);
  if (o.bytes) init.body = o.bytes;
  const url = address(path, o.query);
  try {
    return await fetch(url, init);
  } catch {
    // The network broke once. The key makes it safe to ask again: what was done already is answered, not repeated.
    if (method === 'POST')
      try {
        return await fetch(url, init);
      } catch {
        throw new Problem({ status: 0 });
      }
    throw new Problem({ status: 0 });
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    return new Problem({ ...((await answer.json()) as ProblemDocument), status: answer.status });
  } catch {
    return new Problem({ status: answer.status, title: answer.statusText });
  }
}

export async function call<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, o: Options = {}): Promise<T> {
  const answer = await send(method, path, o);
  if (!answer.ok) {
    const p = await problemOf(answer);
    if (p.status === 401 && path !== 'session') onLoggedOut();
    throw p;
  }
  return (await answer.json()) as T;
}

export function get<T>(path: string, query?: Options['query']): Promise<T> {
  return call<T>('GET', path, query ? { query } : {});
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return call<T>('POST', path, { body });
}

export function patch<T>(path: string, version: number, body: unknown): Promise<T> {
  return call<T>('PATCH', path, { body, version });
}
