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
  tanaka: ['l1', { ja: '田中 美咲', en: 'Misaki Tanaka' }],
  suzuki: ['handler', { ja: '鈴木 健', en: 'Ken Suzuki' }],
  mori: ['csirt_lead', { ja: '森 由紀子', en: 'Yukiko Mori' }],
  ueda: ['viewer', { ja: '上田 剛', en: 'Go Ueda' }],
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
  static async open(binary, lang = 'ja') {
    const h = new House();
    h.binary = binary;
    h.dir = mkdtempSync(join(tmpdir(), 'hinomi-ui-'));
    h.server = spawn(binary, ['serve', '--data', h.dir, '--listen', '127.0.0.1:0', '--syslog', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LANG: 'C' } });
    await h.#greeting();
    for (const [name, [role, display]] of Object.entries(USERS))
      execFileSync(binary, ['user', 'create', name, '--data', h.dir, '--role', role, '--display-name', display[lang], '--password-stdin'], { input: `${PASSWORD}\n` });
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

  api(method, path, body) {
    return this.#call(method, path, body, { authorization: `Bearer ${this.token}` });
  }

  // The API in a user's name, as his browser would call it.
  async as(user) {
    const answer = await fetch(`${this.url}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user, password: PASSWORD }) });
    const cookie = answer.headers.get('set-cookie').split(';')[0];
    return (method, path, body, extra = {}) => this.#call(method, path, body, { cookie, 'x-hinomi-csrf': '1', ...extra });
  }

  async #call(method, path, body, headers) {
    const answer = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
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

// The morning after: the intrusion on web01 handed over, accepted and worked on.
export async function morning(h, lang) {
  const say = (ja, en) => (lang === 'ja' ? ja : en);
  const [analyst, handler, lead] = await Promise.all(['tanaka', 'suzuki', 'mori'].map((u) => h.as(u)));
  const alerts = (await analyst('GET', 'alerts?q=web01&limit=50')).items.filter((a) => a.status === 'new');
  for (const a of alerts.slice(0, 3)) await analyst('PATCH', `alerts/${a.id}`, { status: 'investigating' }, { 'if-match': `"v${a.version}"` });
  const handoff = await analyst('POST', 'handoffs', {
    alert_ids: alerts.slice(0, 3).map((a) => a.id),
    seen: say(
      'web01 で root への総当たり 24 回のあと、203.0.113.45 からのログインが成功。\n約 2 分後に deploy が sudo グループへ追加された。',
      'After 24 guesses for root, a log-in from 203.0.113.45 to web01 succeeded.\nAbout two minutes later deploy was put into the group sudo.',
    ),
    done: say('当番表で作業予定がないことを確認。サーバ管理の伊藤さんに電話、心当たりなし。', 'No work is planned on that host; Ito of the server team knows of none.'),
    not_checked: say('web01 から db02 への接続、追加された公開鍵、ほかのホストの deploy。', 'Connections from web01 to db02, added keys, deploy on other hosts.'),
    asked: say('web01 の隔離の判断と、侵入範囲の調査。', 'Decide whether to isolate web01; find out how far it went.'),
    priority: 'P1',
    priority_reason: say('公開サーバで管理者権限を取られた疑い。', 'Administrator rights on a public server are likely lost.'),
  });
  const { incident_id } = await handler('POST', `handoffs/${handoff.id}/accept`, {});
  const change = async (wanted) => {
    const { version } = await handler('GET', `incidents/${incident_id}`);
    await handler('PATCH', `incidents/${incident_id}`, wanted, { 'if-match': `"v${version}"` });
  };
  await change({ commander: 'mori', roles: { commander: 'mori', handler: 'suzuki', scribe: 'tanaka' } });
  const playbooks = (await handler('GET', 'playbooks')).items;
  if (playbooks.length) await handler('POST', `incidents/${incident_id}/tasks`, { playbook_id: playbooks[0].id });
  const tasks = (await handler('GET', `incidents/${incident_id}/tasks`)).items;
  const work = (task, wanted) => handler('PATCH', `tasks/${task.id}`, wanted, { 'if-match': `"v${task.version}"` });
  if (tasks[0]) await work(tasks[0], { status: 'done', result: say('侵入と判断。影響は web01 と deploy アカウント。', 'It is an intrusion: web01 and the account deploy.') });
  if (tasks[1]) await work(tasks[1], { status: 'done' });
  if (tasks[2]) await work(tasks[2], { status: 'in_progress' });
  await change({
    summary: say('公開サーバ web01 に総当たりで侵入され、管理者権限のアカウントが作られた。隔離の準備中。', 'Somebody guessed a password on the public server web01 and made himself an administrator. Isolation is being prepared.'),
    findings: {
      confirmed: [say('root での不正ログイン（203.0.113.45）', 'A log-in as root from 203.0.113.45'), say('deploy への sudo 付与', 'sudo given to deploy')],
      suspected: [say('db02 への横展開', 'A move on to db02')],
      unknown: [say('個人情報への到達', 'Whether personal data was reached')],
    },
    next_update_at: new Date(Date.now() + 2 * 3600 * 1000).toISOString(),
  });
  await handler('POST', `incidents/${incident_id}/timeline`, { text: say('web01 の管理者・伊藤さんと会議通話を開始。', 'Conference call with Ito, who runs web01.') });
  await change({ phase: 'containment' });
  const first = await handler('POST', `incidents/${incident_id}/decisions`, {
    title: say('web01 をネットワークから隔離する', 'Isolate web01 from the network'),
    options: [say('隔離', 'isolate'), say('監視を続ける', 'keep watching'), say('停止', 'shut down')],
    decided: say('いますぐ隔離し、メモリを保全してから停止する。', 'Isolate now, keep the memory, then shut down.'),
    reason: say('攻撃者がまだ接続している。停止すると痕跡が失われる。', 'The attacker is still connected; shutting down would lose traces.'),
  });
  await lead('POST', `decisions/${first.id}/approve`, { reason: say('受注サイトは待機系に切り替え済み。', 'The shop runs on the standby already.') });
  await handler('POST', `incidents/${incident_id}/decisions`, {
    title: say('取引先へ第一報を送る', 'Send a first report to the business partners'),
    decided: say('影響が確認できるまで送らない。12:00 に再判断。', 'Not before the impact is known. Decide again at 12:00.'),
    reason: say('個人情報への到達は確認されていない。', 'Nothing shows that personal data was reached.'),
  });
  const evidence = await handler('POST', `incidents/${incident_id}/evidence`, { name: 'web01-auth.log', source: 'web01:/var/log/auth.log', content_base64: Buffer.from(guessing(2460, 'web01', 'root', '203.0.113.45', 24).join('\n')).toString('base64') });
  await handler('POST', `evidence/${evidence.id}/custody`, { to: 'mori', reason: say('外部専門家への提供のため', 'For the external specialist') });
  return { incident: incident_id, handoff: handoff.id };
}
