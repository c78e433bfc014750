// SPDX-License-Identifier: Apache-2.0
// A local date and time out of <input type="datetime-local">, as the API wants it; '' when nothing was chosen.
export function utcOf(local: string): string {
  return local ? new Date(local).toISOString() : '';
}

export function localOf(utc: string | null | undefined): string {
  if (!utc) return '';
  const d = new Date(utc);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
