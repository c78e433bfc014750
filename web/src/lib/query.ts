// SPDX-License-Identifier: Apache-2.0
// Values as the hunt language writes them (docs/formats/query.md).
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value);
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

export function queryFor(field: string, value: unknown): string {
  return `/search?q=${encodeURIComponent(field ? `${field}=${quoted(value)}` : quoted(value))}`;
}
