"use strict";
// Two users in two pages of a browser, a third one in another room, and three third-party clients. Prints as one JSON object what
// each of them received; verdict.go checks it.
const {spawn} = require("node:child_process");
const {once} = require("node:events");
const {createInterface} = require("node:readline");
const {chromium} = require("playwright-core");

const {at, browser: executablePath, wscat, python, screenshot, timeout, measured, token} = JSON.parse(process.env.E2E);
const hostile = `<img src=x onerror="document.title='run'"><script>document.title='run'</script> & "quotes"`;
const seen = {hostile, errors: [], clients: {}};
const lab = `${at.replace("http", "ws")}?room=lab`;
const answers = createInterface({input: process.stdin})[Symbol.asyncIterator]();

// command makes site.go post to or restart the router, and waits until it is done.
async function command(what) {
  console.log(what);
  await answers.next();
}

// join opens the page and joins a room by filling in the form.
async function join(browser, name, room) {
  const page = await (await browser.newContext({viewport: {width: 760, height: 620}})).newPage();
  page.on("console", m => { if (m.type() === "error" && !m.text().includes("WebSocket connection")) seen.errors.push(m.text()); });
  page.on("pageerror", e => seen.errors.push(String(e)));
  await page.goto(at);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Room").fill(room);
  await page.getByRole("button", {name: "Join"}).click();
  await page.getByText(`in ${room}`).waitFor();
  return page;
}

async function send(page, text) {
  await page.getByLabel("Message", {exact: true}).fill(text);
  await page.getByRole("button", {name: "Send"}).click();
}

// received returns the messages in a page: the texts, without names and times.
const received = page => page.locator("#messages li").evaluateAll(items => items.map(i => i.lastChild.textContent));

// until waits until a page, or a client, has received a text.
async function until(list, text, what) {
  const end = Date.now() + timeout;
  while (!(await list()).includes(text)) {
    if (Date.now() > end) throw new Error(`${what} has not received ${JSON.stringify(text)} within ${timeout} ms`);
    await new Promise(done => setTimeout(done, 5));
  }
}

// start starts a third-party client that sends the lines of its standard input and prints the frames that it receives.
function start(name, program, args) {
  const child = spawn(program, args, {stdio: ["pipe", "pipe", "inherit"]});
  const client = {name, child, frames: [], send: text => child.stdin.write(JSON.stringify({room: "lab", data: {name, text}}) + "\n")};
  createInterface({input: child.stdout}).on("line", line => client.frames.push(line));
  // wscat writes its prompt before some frames. Frames without a text report that a client joined or left.
  client.texts = () => client.frames.map(f => JSON.parse(f.slice(f.indexOf("{"))).data?.text).filter(text => text !== undefined);
  return client;
}

async function chat(browser) {
  const [ann, bob, eve] = [await join(browser, "Ann", "lab"), await join(browser, "Bob", "lab"), await join(browser, "Eve", "other")];
  await ann.getByText("2 here").waitFor();
  for (let i = 1; i <= 10; i++) {
    await send(ann, `from Ann ${i}`);
    await send(bob, `from Bob ${i}`);
  }
  await send(ann, hostile);
  await until(() => received(bob), hostile, "Bob");
  await until(() => received(ann), "from Bob 10", "Ann");
  seen.titles = [await ann.title(), await bob.title()];
  return {ann, bob, eve};
}

// measurement posts a completed measurement and measures the time until it is in the page.
async function measurement({ann, bob}) {
  const text = `Measurement ${measured} is complete`;
  const began = performance.now();
  command("post");
  await until(() => received(bob), text, "Bob");
  seen.measurement_ms = Math.ceil(performance.now() - began);
  await until(() => received(ann), text, "Ann");
}

// others lets the third-party clients join the room and exchange messages with each other and the pages.
async function others({ann, bob}) {
  const clients = [
    start("wscat", process.execPath, [wscat, "-c", lab]),
    start("python3-websockets", python, [`${__dirname}/client.py`, lab]),
    start("Node.js", process.execPath, [`${__dirname}/client.mjs`, lab]),
  ];
  await ann.getByText("5 here").waitFor();
  for (const c of clients) c.send(`hello from ${c.name}`);
  await send(ann, "hello everybody");
  for (const c of clients) {
    await until(c.texts, "hello everybody", c.name);
    for (const other of clients) if (other !== c) await until(c.texts, `hello from ${other.name}`, c.name);
    await until(() => received(bob), `hello from ${c.name}`, "Bob");
  }
  for (const c of clients) {
    seen.clients[c.name] = c.texts();
    c.child.stdin.end();
    await Promise.race([once(c.child, "exit"), new Promise(done => setTimeout(done, 2000))]);
    c.child.kill();
  }
  await ann.getByText("2 here").waitFor();
}

// restart restarts the router and waits until the pages have reconnected.
async function restart({ann, bob}) {
  const restarted = command("restart");
  await ann.getByText("trying again").waitFor();
  await restarted;
  await Promise.all([ann, bob].map(page => page.getByText("in lab").waitFor()));
  await ann.getByText("2 here").waitFor();
  await send(ann, "back again");
  await until(() => received(bob), "back again", "Bob");
}

// guard restarts the router so that it requires a token.
async function guard({ann, bob}) {
  await command("guard");
  for (const page of [ann, bob]) {
    seen.withoutToken = await page.getByText("in lab").count();
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", {name: "Join"}).click();
    await page.getByText("in lab").waitFor();
  }
  await send(ann, "with a token");
  await until(() => received(bob), "with a token", "Bob");
}

async function main() {
  const browser = await chromium.launch({executablePath, args: ["--no-sandbox"]});
  try {
    seen.browser = browser.version();
    const pages = await chat(browser);
    pages.ann.setDefaultTimeout(timeout);
    pages.bob.setDefaultTimeout(timeout);
    await measurement(pages);
    await others(pages);
    await pages.bob.screenshot({path: screenshot});
    await restart(pages);
    await guard(pages);
    for (const name of ["ann", "bob", "eve"]) seen[name] = await received(pages[name]);
  } finally {
    await browser.close();
  }
}

main().then(() => console.log(JSON.stringify(seen)), err => {
  console.error(String(err));
  process.exitCode = 1;
}).finally(() => process.exit()); // clients that still run end with their input
