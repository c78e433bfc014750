// SPDX-License-Identifier: Apache-2.0
// Short words about what was just done. They go by themselves and never hold anything that must be read.
interface Toast {
  n: number;
  text: string;
  trouble: boolean;
}

let list = $state.raw<Toast[]>([]);
let last = 0;

export function toasts(): Toast[] {
  return list;
}

export function say(text: string, trouble = false): void {
  const n = ++last;
  list = [...list.slice(-2), { n, text, trouble }];
  setTimeout(() => (list = list.filter((x) => x.n !== n)), trouble ? 9000 : 4000);
}
