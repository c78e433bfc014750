// SPDX-License-Identifier: Apache-2.0
// Single keys as commands. Never while somebody types, composes Japanese, holds a modifier or is in a dialog.
export type KeyMap = Record<string, () => void>;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('dialog') !== null);
}

// For $effect: answers what ends it.
export function onKeys(map: KeyMap): () => void {
  const hear = (e: KeyboardEvent) => {
    if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey || typing(e.target)) return;
    const run = map[e.key];
    if (!run) return;
    e.preventDefault();
    run();
  };
  addEventListener('keydown', hear);
  return () => removeEventListener('keydown', hear);
}
