// SPDX-License-Identifier: Apache-2.0
// Changes as the server commits them (Server-Sent Events). Whoever was cut off asks for everything again: the stream has no memory.
import { get } from './api';

export interface Change {
  noun: string;
  id: string;
  version: number;
  verb: string;
}

type Listener = { change: (c: Change) => unknown; resume: () => void };

const RETRY_MS = [1000, 2000, 5000, 10000];

let state = $state<'live' | 'connecting' | 'off'>('off');
const listeners = new Set<Listener>();
let source: EventSource | null = null;
let timer = 0;
let failures = 0;
let wasLive = false;

export function streamState(): 'live' | 'connecting' | 'off' {
  return state;
}

function open(): void {
  state = 'connecting';
  source = new EventSource('/api/v1/stream');
  source.addEventListener('hello', () => {
    failures = 0;
    state = 'live';
    if (wasLive) for (const l of listeners) l.resume();
    wasLive = true;
  });
  source.addEventListener('change', (e) => {
    const c = JSON.parse((e as MessageEvent<string>).data) as Change;
    for (const l of listeners) l.change(c);
  });
  source.onerror = () => {
    state = 'connecting';
    // A broken connection is tried again by the browser; a refusal is not.
    if (source?.readyState !== EventSource.CLOSED) return;
    // Refused perhaps because the session has ended: then this shows the log-in.
    get('me').catch(() => {});
    clearTimeout(timer);
    timer = window.setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  };
}

export function startStream(): void {
  if (!source) open();
}

export function stopStream(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
  wasLive = false;
  state = 'off';
}

// For $effect: answers what ends it.
export function listen(change: (c: Change) => unknown, resume: () => void): () => void {
  const l = { change, resume };
  listeners.add(l);
  return () => listeners.delete(l);
}
