"use strict";
// Two people in two pages of a browser, a third one in another room, and three clients of other makers. What each of them saw
// is printed as one JSON object; main.go judges.
const {spawn} = require("node:child_process");
const {once} = require("node:events");
const {createInterface} = require("node:readline");
const {chromium} = require("playwright-core");

const {at, browser: executablePath, wscat, python, screenshot, patience, measured, token} = JSON.parse(process.env.E2E);
const hostile = `<img src=x onerror="document.title='run'"><script>document.title='run'</script> & "quotes"`;
const seen = {hostile, errors: [], clients: {}};
const lab = `${at.replace("http", "ws")}?room=lab`;
const answers = createInterface({input: process.stdin})[Symbol.asyncIterator]();

// ask has main.go do something with the router.
async function ask(what) {
  console.log(what);
  await answers.next();
}

// join opens the page and joins a room as somebody does: by typing.
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

async function say(page, text) {
  await page.getByLabel("Message", {exact: true}).fill(text);
  await page.getByRole("button", {name: "Send"}).click();
}

// heard is what stands in a page's list: the texts, without names and times.
const heard = page => page.locator("#messages li").evaluateAll(items => items.map(i => i.lastChild.textContent));

// until waits until a page, or a client, has heard a text.
async function until(list, text, what) {
  const end = Date.now() + patience;
  while (!(await list()).includes(text)) {
    if (Date.now() > end) throw new Error(`${what} has not heard ${JSON.stringify(text)} within ${patience} ms`);
    await new Promise(done => setTimeout(done, 5));
  }
}

// start starts a client of another maker that says the lines of its standard input and prints the frames that it hears.
function start(name, program, args) {
  const child = spawn(program, args, {stdio: ["pipe", "pipe", "inherit"]});
  const client = {name, child, frames: [], say: text => child.stdin.write(JSON.stringify({room: "lab", data: {name, text}}) + "\n")};
  createInterface({input: child.stdout}).on("line", line => client.frames.push(line));
  // wscat writes its prompt before some frames. Frames without a text say that somebody came or left.
  client.texts = () => client.frames.map(f => JSON.parse(f.slice(f.indexOf("{"))).data?.text).filter(text => text !== undefined);
  return client;
}

async function chat(browser) {
  const [ann, bob, eve] = [await join(browser, "Ann", "lab"), await join(browser, "Bob", "lab"), await join(browser, "Eve", "other")];
  await ann.getByText("2 here").waitFor();
  for (let i = 1; i <= 10; i++) {
    await say(ann, `from Ann ${i}`);
    await say(bob, `from Bob ${i}`);
  }
  await say(ann, hostile);
  await until(() => heard(bob), hostile, "Bob");
  await until(() => heard(ann), "from Bob 10", "Ann");
  seen.titles = [await ann.title(), await bob.title()];
  return {ann, bob, eve};
}

// measurement waits for a finished measurement in the page, from the moment it is posted.
async function measurement({ann, bob}) {
  const text = `Measurement ${measured} is complete`;
  const began = performance.now();
  ask("post");
  await until(() => heard(bob), text, "Bob");
  seen.measurement_ms = Math.ceil(performance.now() - began);
  await until(() => heard(ann), text, "Ann");
}

// others lets the clients of other makers join the room, speak, and hear one another and the pages.
async function others({ann, bob}) {
  const clients = [
    start("wscat", process.execPath, [wscat, "-c", lab]),
    start("python3-websockets", python, [`${__dirname}/client.py`, lab]),
    start("Node.js", process.execPath, [`${__dirname}/client.mjs`, lab]),
  ];
  await ann.getByText("5 here").waitFor();
  for (const c of clients) c.say(`hello from ${c.name}`);
  await say(ann, "hello everybody");
  for (const c of clients) {
    await until(c.texts, "hello everybody", c.name);
    for (const other of clients) if (other !== c) await until(c.texts, `hello from ${other.name}`, c.name);
    await until(() => heard(bob), `hello from ${c.name}`, "Bob");
  }
  for (const c of clients) {
    seen.clients[c.name] = c.texts();
    c.child.stdin.end();
    await Promise.race([once(c.child, "exit"), new Promise(done => setTimeout(done, 2000))]);
    c.child.kill();
  }
  await ann.getByText("2 here").waitFor();
}

// restart waits until the pages, which the router's restart has thrown out, are back in their room by themselves.
async function restart({ann, bob}) {
  const asked = ask("restart");
  await ann.getByText("trying again").waitFor();
  await asked;
  await Promise.all([ann, bob].map(page => page.getByText("in lab").waitFor()));
  await ann.getByText("2 here").waitFor();
  await say(ann, "back again");
  await until(() => heard(bob), "back again", "Bob");
}

// guard has the router started anew, and want a token.
async function guard({ann, bob}) {
  await ask("guard");
  for (const page of [ann, bob]) {
    seen.withoutToken = await page.getByText("in lab").count();
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", {name: "Join"}).click();
    await page.getByText("in lab").waitFor();
  }
  await say(ann, "with a token");
  await until(() => heard(bob), "with a token", "Bob");
}

async function main() {
  const browser = await chromium.launch({executablePath, args: ["--no-sandbox"]});
  try {
    seen.browser = browser.version();
    const pages = await chat(browser);
    pages.ann.setDefaultTimeout(patience);
    pages.bob.setDefaultTimeout(patience);
    await measurement(pages);
    await others(pages);
    await pages.bob.screenshot({path: screenshot});
    await restart(pages);
    await guard(pages);
    for (const name of ["ann", "bob", "eve"]) seen[name] = await heard(pages[name]);
  } finally {
    await browser.close();
  }
}

main().then(() => console.log(JSON.stringify(seen)), err => {
  console.error(String(err));
  process.exitCode = 1;
}).finally(() => process.exit()); // whatever client still runs loses its input, and ends
