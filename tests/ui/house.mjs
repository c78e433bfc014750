// SPDX-License-Identifier: Apache-2.0
// A server of its own for the console's tests and pictures: fresh data directory, free ports, users, and logs as their senders send them.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = process.env.HINOMI_SOURCE ?? new URL('../..', import.meta.url).pathname;
export const fromConsole = createRequire(join(ROOT, 'web/package.json'));
export const PASSWORD = 'watch-tower-7';
export const USERS = {
  tanaka: ['l1', '田中 美咲'],
  suzuki: ['handler', '鈴木 健'],
  mori: ['csirt_lead', '森 由紀子'],
};

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function chromium() {
  return process.env.HINOMI_CHROMIUM ?? CHROMIUM.find(existsSync);
}

export function openBrowser() {
  const { chromium: engine } = fromConsole('playwright-core');
  return engine.launch({ executablePath: chromium(), args: ['--no-sandbox', '--disable-dev-shm-usage', '--lang=ja'] });
}

export class House {
  static async open(binary, config = []) {
    const h = new House();
    h.binary = binary;
    h.dir = mkdtempSync(join(tmpdir(), 'hinomi-ui-'));
    h.config = config;
    h.server = spawn(binary, ['serve', '--data', h.dir, '--listen', '127.0.0.1:0', '--syslog', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LANG: 'C' } });
    await h.#greeting();
    for (const [name, [role, display]] of Object.entries(USERS))
      execFileSync(binary, ['user', 'create', name, '--data', h.dir, '--role', role, '--display-name', display, '--password-stdin'], { input: `${PASSWORD}\n` });
    h.token = execFileSync(binary, ['token', 'create', '--data', h.dir, '--role', 'admin'], { encoding: 'utf8' }).trim();
    return h;
  }

  // "hinomi 0.1.0  http://127.0.0.1:PORT/" and "syslog udp+tcp PORT".
  #greeting() {
    return new Promise((done, fail) => {
      let text = '';
      this.server.on('exit', (status) => fail(new Error(`the server ended with ${status}: ${text}`)));
      this.server.stdout.on('data', (piece) => {
        text += piece;
        const url = text.match(/http:\/\/[\d.]+:\d+/);
        const syslog = text.match(/syslog udp\+tcp (\d+)/);
        if (!url || !syslog) return;
        this.url = url[0];
        this.syslogPort = Number(syslog[1]);
        done();
      });
    });
  }

  async close() {
    const ended = new Promise((done) => this.server.on('exit', done));
    this.server.removeAllListeners('exit');
    this.server.on('exit', () => rmSync(this.dir, { recursive: true, force: true }));
    const gone = new Promise((done) => this.server.once('exit', done));
    this.server.kill('SIGTERM');
    await Promise.race([ended, gone]);
  }

  // RFC 5424 lines over TCP, framed by line feeds.
  syslog(lines) {
    return new Promise((done, fail) => {
      const s = connect(this.syslogPort, '127.0.0.1', () => s.end(lines.join('\n') + '\n'));
      s.on('close', done).on('error', fail);
    });
  }

  async api(method, path, body, extra = {}) {
    const answer = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', ...extra },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const doc = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(doc)}`);
    return doc;
  }

  events(list, query = '') {
    return this.api('POST', `events?${query}`, list.map((e) => JSON.stringify(e)).join('\n'));
  }

  // Detection runs behind intake: until the queue holds so many alerts.
  async alerts(atLeast) {
    for (let i = 0; i < 200; i++) {
      const { items } = await this.api('GET', 'alerts?limit=200');
      if (items.length >= atLeast) return items;
      await new Promise((r) => setTimeout(r, 50));
    }
    throw new Error(`no ${atLeast} alerts came`);
  }
}

// ---- logs ------------------------------------------------------------------------------------------------------------------------------

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

export function line(secondsAgo, host, program, text) {
  return `<38>1 ${ago(secondsAgo)} ${host} ${program} 4711 - - ${text}`;
}

export function guessing(secondsAgo, host, user, address, n) {
  return Array.from({ length: n }, (_, i) => line(secondsAgo - i, host, 'sshd', `Failed password for ${user} from ${address} port ${51100 + i} ssh2`));
}

export function sysmon(secondsAgo, host, data, id = 1) {
  return {
    Event: {
      System: {
        Provider: { '#attributes': { Name: 'Microsoft-Windows-Sysmon' } },
        EventID: id,
        TimeCreated: { '#attributes': { SystemTime: ago(secondsAgo) } },
        EventRecordID: 4000 + secondsAgo,
        Channel: 'Microsoft-Windows-Sysmon/Operational',
        Computer: host,
      },
      EventData: data,
    },
  };
}

// A night: a guessed password that works, somebody who stays, a workstation with a bad document, and the noise of every day.
export async function night(h) {
  const ps = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';
  await h.syslog([
    ...guessing(2460, 'web01', 'root', '203.0.113.45', 24),
    line(2400, 'web01', 'sshd', 'Accepted password for root from 203.0.113.45 port 51190 ssh2'),
    line(2280, 'web01', 'usermod', "add 'deploy' to group 'sudo'"),
    line(1500, 'db02', 'sshd', 'Failed password for sato from 192.0.2.17 port 40022 ssh2'),
    ...guessing(900, 'mail01', 'admin', '198.51.100.23', 22),
    line(420, 'bastion', 'sudo', 'ito : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/ito ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow'),
  ]);
  await h.events([
    sysmon(1260, 'pc-017.kasumi.example', { Image: ps, CommandLine: 'powershell.exe -NoP -W Hidden -Enc SQBFAFgAIAAoAGcAYwAgAGMAOgBcAHUALgBwAHMAMQApAA==', ParentImage: 'C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE', User: 'KASUMI\\tanaka' }),
    sysmon(1200, 'pc-017.kasumi.example', { Image: ps, CommandLine: 'powershell Set-MpPreference -DisableRealtimeMonitoring $true', User: 'KASUMI\\tanaka' }),
    sysmon(640, 'fs01.kasumi.example', { Image: 'C:\\Windows\\System32\\wbadmin.exe', CommandLine: 'wbadmin delete catalog -quiet', User: 'KASUMI\\svc-backup' }),
    sysmon(150, 'pc-017.kasumi.example', { Image: 'C:\\Windows\\System32\\reg.exe', CommandLine: 'reg save HKLM\\SAM C:\\Users\\Public\\s.sav /y', User: 'KASUMI\\tanaka' }),
  ]);
  await h.events([sysmon(300, 'pc-113.kasumi.example', { Image: ps, CommandLine: 'powershell.exe -NoP -Enc VwByAGkAdABlAC0ASABvAHMAdAAgADEA', User: 'KASUMI\\kunren' })], 'site=drill');
}
