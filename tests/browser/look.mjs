// Looks at pages in Chromium as people meet them, and says what is wrong with them.
//
// Reads a plan as JSON from standard input: `base`, `password`, `chromium`, `modules` (a folder with node_modules), and `people`, each with a `name` (empty for
// nobody) and `visits`. A visit has a `path`, or `steps` that lead to a page from the one before: [what, selector, text].
// `everywhere` lists paths that everybody who signs in fetches besides. `picture` is the name under which a page is drawn into the folder `pictures`, where that is given.
//
// Prints {"pages": n, "faults": [...]}. What is asked of each page, in both themes: no finding of axe-core (WCAG 2.2 AA and
// best practice), no message on the console, nothing from elsewhere, every control reached by Tab with a visible focus,
// nothing to scroll sideways at 320 pixels, text on paper without navigation and forms, and less than 100 KB.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const MOST_BYTES = 100_000;
const plan = JSON.parse(readFileSync(0, 'utf8'));
const require = createRequire(`${plan.modules}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const faults = [];
let pages = 0;
let reached = 0;

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: plan.chromium, args });
for (const person of plan.people) {
  // A policy against scripts is in force for the page itself; the checks are put in by the debugger.
  const context = await browser.newContext({ baseURL: plan.base, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const watched = watch(page);
  if (person.name) await signIn(page, person.name);
  for (const visit of person.visits) {
    watched.begin();
    const title = `${person.name || 'nobody'} ${visit.path ?? visit.picture ?? 'a page behind a form'}`;
    try {
      if (visit.path) {
        const answer = await page.goto(visit.path, { waitUntil: 'load' });
        const status = visit.status ?? 200;
        if (answer.status() !== status) faults.push(`${title}: status ${answer.status()}, not ${status}`);
      } else {
        for (const step of visit.steps) {
          // What weighs is the page that a step leads to, not those on the way.
          if (step[0] === 'open' || step[0] === 'click') watched.bytes = 0;
          await take(page, step);
        }
      }
      await look(page, title, visit, watched);
    } catch (error) {
      faults.push(`${title}: ${error}`);
    }
  }
  // The rest is at least reached by everybody: an answer that is a page, a refusal where the role asks for one, never more
  // than may be sent, and never a failure.
  for (const path of person.name ? plan.everywhere : []) {
    const answer = await context.request.get(path, { headers: { accept: 'text/html' } });
    const body = await answer.text();
    const title = `${person.name} ${path}`;
    if (![200, 403].includes(answer.status())) faults.push(`${title}: status ${answer.status()}`);
    if (!body.includes('<main id="main">')) faults.push(`${title}: no page`);
    if (body.length > MOST_BYTES) faults.push(`${title}: ${body.length} bytes`);
    reached += 1;
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ pages, reached, faults }));

async function signIn(page, name) {
  await page.goto('/login');
  await page.fill('#name', name);
  await page.fill('#password', plan.password);
  await Promise.all([page.waitForURL((url) => url.pathname !== '/login'), page.click('main form button')]);
}

async function take(page, [what, selector, text]) {
  if (what === 'fill') await page.fill(selector, text);
  else if (what === 'check') await page.check(selector);
  else if (what === 'open') await page.goto(text);
  else if (what === 'unfold') await page.click(selector);
  else await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)]);
}

/** What comes over the wire and what the console says, page by page. */
function watch(page) {
  const seen = { messages: [], strange: [], bytes: 0 };
  const host = new URL(plan.base).host;
  page.on('console', (message) => {
    // A page that is meant to be an error is one.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) seen.messages.push(message.text());
  });
  page.on('pageerror', (error) => seen.messages.push(String(error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.host !== host) seen.strange.push(request.url());
  });
  page.on('response', async (response) => {
    const body = await response.body().catch(() => '');
    if (!(response.headers()['content-type'] ?? '').startsWith('image/')) seen.bytes += body.length;
  });
  seen.begin = () => Object.assign(seen, { messages: [], strange: [], bytes: 0 });
  return seen;
}

async function look(page, title, visit, watched) {
  pages += 1;
  const fault = (what) => faults.push(`${title}: ${what}`);
  await page.evaluate(axe);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const finding of await violations(page, colorScheme === 'light' ? RULES : null)) fault(`${colorScheme}: ${finding}`);
    await draw(page, visit, colorScheme);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  for (const finding of await walk(page)) fault(finding);
  await page.setViewportSize({ width: 320, height: 800 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > 320) fault(`${width} pixels wide where 320 are there: ${await widest(page)}`);
  await draw(page, visit, 'narrow');
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ media: 'print' });
  for (const finding of await page.evaluate(printed)) fault(`on paper: ${finding}`);
  await draw(page, visit, 'print');
  await page.emulateMedia({ media: 'screen' });
  if (watched.bytes > MOST_BYTES) fault(`${watched.bytes} bytes, of which ${MOST_BYTES} are allowed`);
  for (const message of watched.messages) fault(`the console says: ${message}`);
  for (const url of watched.strange) fault(`asks ${url}`);
}

/** In the other theme only what colours change. */
async function violations(page, tags) {
  const options = tags ? { runOnly: tags } : { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } };
  const found = await page.evaluate((asked) => window.axe.run(document, { ...asked, resultTypes: ['violations'] }), options);
  return found.violations.map(({ id, help, nodes }) => `${id} (${help}) at ${nodes.slice(0, 3).map((node) => node.target.join(' ')).join(', ')}`);
}

/** Tab reaches each control once, and each shows that it has the focus. */
async function walk(page) {
  const selector = 'a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select:not([disabled]), textarea:not([disabled]), summary';
  const wanted = await page.evaluate((asked) => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
    // A group of radio buttons is one stop, and what a closed <details> or a disabled fieldset holds is none.
    const groups = new Set();
    const reached = [...document.querySelectorAll(asked)].filter((element) => {
      if (!element.checkVisibility() || element.matches(':disabled')) return false;
      if (element.type !== 'radio') return true;
      const isNew = !groups.has(element.name);
      groups.add(element.name);
      return isNew;
    });
    return reached.length;
  }, selector);
  const found = new Set();
  const faded = [];
  // Long lists repeat themselves; their first hundred stops say what there is to say. What scrolls is a stop, too.
  const most = Math.min(wanted, 100);
  for (let stop = 0; stop < 2 * most + 20 && found.size < most; stop += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      element.dataset.stop ??= String(Math.random());
      const style = getComputedStyle(element);
      const shows = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
      return { key: element.dataset.stop, shows, name: element.outerHTML.slice(0, 80), isControl: element.tabIndex >= 0 && !element.matches('[tabindex]') };
    });
    if (!at) continue;
    if (at.isControl) found.add(at.key);
    if (!at.shows) faded.push(at.name);
  }
  const said = [];
  if (found.size < most) said.push(`the keyboard reaches ${found.size} of ${most} controls`);
  if (faded.length) said.push(`no focus to be seen at ${faded.slice(0, 2).join(' and ')}`);
  return said;
}

/** Runs in the page. */
function printed() {
  const said = [];
  const shown = (selector) => [...document.querySelectorAll(selector)].some((element) => element.checkVisibility());
  if (shown('body > header nav')) said.push('the navigation is there');
  if (shown('main form button')) said.push('a button is there');
  if (document.querySelector('main').innerText.trim().length < 20) said.push('nothing is there');
  return said;
}

function widest(page) {
  return page.evaluate(() => {
    const beyond = [...document.querySelectorAll('main *')].filter((element) => element.getBoundingClientRect().right > 321);
    return beyond.slice(0, 2).map((element) => element.outerHTML.slice(0, 80)).join(' and ');
  });
}

async function draw(page, visit, kind) {
  if (plan.pictures && visit.picture) {
    await page.screenshot({ path: `${plan.pictures}/${visit.picture}-${kind}.png`, fullPage: true });
  }
}
