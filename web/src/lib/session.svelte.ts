// SPDX-License-Identifier: Apache-2.0
// Who is logged in. undefined = not known yet, null = nobody.
import { call, get, Problem, whenLoggedOut } from './api';
import type { Me, Permission, User, List } from './types';

let me = $state<Me | null | undefined>(undefined);
let people = $state.raw<User[]>([]);

whenLoggedOut(() => (me = null));

export function whoAmI(): Me | null | undefined {
  return me;
}

export function can(what: Permission): boolean {
  return me?.permissions.includes(what) ?? false;
}

// Names for "assign to"; only a help for typing, so that a failure costs nothing.
export function users(): User[] {
  return people;
}

// A person as the house calls him; his log-in name where nothing else is known.
export function person(name: string | null | undefined): string {
  if (!name) return '';
  return people.find((u) => u.name === name)?.display_name || name;
}

async function begin(who: Me): Promise<void> {
  me = who;
  try {
    people = (await get<List<User>>('users', { limit: 1000 })).items;
  } catch {
    people = [];
  }
}

export async function resume(): Promise<void> {
  try {
    await begin(await get<Me>('me'));
  } catch (e) {
    me = null;
    if (!(e instanceof Problem)) throw e;
  }
}

export async function logIn(user: string, password: string): Promise<void> {
  await begin(await call<Me>('POST', 'session', { body: { user, password } }));
}

export async function logOut(): Promise<void> {
  try {
    await call('DELETE', 'session');
  } finally {
    me = null;
  }
}
