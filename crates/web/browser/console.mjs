// Visits every page of a running console in Chromium, as an officer would, and says what is wrong with it.
//
//   node console.mjs --url http://127.0.0.1:8081 --user officer --password SECRET --out DIR [--patience SECONDS]
//
// Exit code 0: everything holds. 1: something does not, each named on a line of its own. 2: it could not be tried.
// Screenshots of all pages, wide, narrow and dark, are written to DIR. No decision is taken, nothing is changed.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { Visitor, WIDTHS } from "./visitor.mjs";

const USAGE = "usage: node console.mjs --url URL --user NAME --password PASSWORD --out DIR [--patience SECONDS]";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

// Debian's Chromium as root in a container, without a graphics card and without talking to its maker.
const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

// The links of the list of movements.
const MOVEMENT_LINKS = "table[aria-labelledby=movements-table] tbody th a";

// Pages that exist on every node.
const FIXED = [
  "/console",
  "/console/documents",
  "/console/attachments",
  "/console/exchange",
  "/console/guarantees",
  "/console/partners",
  "/console/keys",
  "/console/log",
];

function options() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: { url: text, user: text, password: text, out: text, patience: { type: "string", default: "60" } },
  });
  for (const name of ["url", "user", "password", "out"]) {
    if (!values[name]) {
      throw new Error(`--${name} is missing`);
    }
  }
  return { ...values, url: values.url.replace(/\/+$/, ""), patience: Number(values.patience) };
}

/** What holds and what does not. */
class Report {
  failures = 0;
  checks = 0;

  check(holds, words, detail = "") {
    this.checks += 1;
    if (!holds) {
      this.failures += 1;
      console.log(`FAIL ${words}${detail ? `: ${detail}` : ""}`);
    }
    return Boolean(holds);
  }

  note(words) {
    console.log(`     ${words}`);
  }
}

/** Nobody gets a page without signing in, and every address leads to the sign-in and back. */
async function withoutSession(visitor, report) {
  const pages = [...FIXED, "/console/movements/26GB000060KNEJKEJ3", "/console/messages/1", "/console/nowhere"];
  for (const path of pages) {
    const answer = await visitor.get(path);
    const place = answer.headers().location ?? "";
    const wanted = `/console/sign-in?next=${encodeURIComponent(path)}`;
    report.check(answer.status() === 303 && place === wanted, `${path} without a session leads to the sign-in`, place);
  }
  const start = await visitor.get("/");
  report.check(start.headers().location === "/console", "/ leads to the console", start.headers().location);
  const lure = await visitor.get("/console/sign-in?next=https://evil.example/");
  report.check(!(await lure.text()).includes("evil.example"), "the sign-in leads to no other site");
}

/** A wrong password is refused in words, a right one opens the console. */
async function signIn(visitor, report, { user, password }) {
  await visitor.open("/console/sign-in?next=/console/partners", "sign-in", ["Sign in", "Password"]);
  await visitor.page.fill("#name", user);
  await visitor.page.fill("#password", `not ${password}`);
  await visitor.press("Sign in");
  await visitor.look("sign-in-failed", ["The name or the password is wrong."]);
  report.check((await visitor.page.inputValue("#name")) === user, "a failed sign-in keeps the name");
  await visitor.page.fill("#password", password);
  await visitor.press("Sign in");
  if (visitor.path() === "/console/sign-in") {
    throw new Error(`${user} cannot sign in with this password`);
  }
  report.check(visitor.path() === "/console/partners", "the sign-in returns to the page asked for", visitor.path());
  const cookies = (await visitor.context.cookies()).filter((cookie) => cookie.name.startsWith("tidewaiter_"));
  const kept = cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === "Strict";
  report.check(kept, "there is one session cookie, kept from scripts and other sites", JSON.stringify(cookies));
}

/** Waits until the worklist has a movement, and returns the addresses of some pages found from there. */
async function findPages(visitor, report, patience) {
  const found = { movements: [], messages: [], guarantees: [], documents: [], attachments: [] };
  const until = Date.now() + patience * 1000;
  for (;;) {
    await visitor.page.goto(visitor.url + "/console");
    found.movements = await visitor.links("/console/movements/");
    if (found.movements.length > 0 || Date.now() > until) {
      break;
    }
    await new Promise((again) => setTimeout(again, 1000));
  }
  if (!report.check(found.movements.length > 0, `the worklist shows a movement within ${patience} s`)) {
    return found;
  }
  await visitor.page.goto(visitor.url + found.movements[0]);
  found.messages = await visitor.links("/console/messages/");
  report.check(found.messages.length > 0, "a movement's timeline leads to its messages");
  await visitor.page.goto(visitor.url + "/console/guarantees");
  found.guarantees = await visitor.links("/console/guarantees/");
  await visitor.page.goto(visitor.url + "/console/documents");
  found.documents = await visitor.links("/console/documents/");
  await visitor.page.goto(visitor.url + "/console/attachments");
  found.attachments = await visitor.links("/console/attachments/");
  return found;
}

/** Every page that can be found, with what it must say. */
function pages(found) {
  const list = [
    ["/console", "worklist", ["Worklist", "Waits for you", "Where movements stand", "All movements"]],
    ["/console?state=NoSuchState", "worklist-empty", ["Movements found", "No movement is like this"]],
    ["/console?q=NO-SUCH-LRN", "search-nothing", ["No movement with the reference", "NO-SUCH-LRN"]],
    ["/console/guarantees", "guarantees", ["Guarantees", ["Reference amount", "No guarantee is registered"]]],
    ["/console/partners", "partners", ["Partners", ["Fingerprint of its card", "No partner is registered"]]],
    ["/console/documents", "documents", ["Documents", "Attachments, and how far they are", "Send a document"]],
    ["/console/attachments", "attachments", ["Attachments", "Under way", "All, newest first"]],
    ["/console/exchange", "exchange", ["Exchange", "Dead letters that were dealt with"]],
    ["/console/keys", "keys", ["Keys"]],
    ["/console/log", "log", ["Log", "Findings"]],
    ["/console/documents/999999999", "no-document", ["Not found"], 404],
    ["/console/attachments/999999999/content", "no-attachment", ["Not found"], 404],
    ["/console/nowhere", "not-found", ["Not found"], 404],
    ["/console/movements/99XX000000000000X0", "no-movement", ["Not found", "99XX000000000000X0"], 404],
    ["/console/messages/999999999", "no-message", ["Not found"], 404],
    ["/console/guarantees/NONE", "no-guarantee", ["Not found"], 404],
  ];
  const movement = ["Movement", "Where it stands", "Your decision", "Timeline", "What was disclosed, and why"];
  found.movements.slice(0, 1).forEach((path) => list.push([path, "movement", movement]));
  found.messages.slice(0, 1).forEach((path) => list.push([path, "message", ["The message", "Download the XML", "<"]]));
  const account = ["Guarantee", "Reference amount", "Available", "Statement"];
  const document = ["Content", "Download the content"];
  found.documents.slice(0, 1).forEach((path) => list.push([path, "document", document]));
  found.guarantees.slice(0, 1).forEach((path) => list.push([path, "guarantee", account]));
  return list;
}

/** The reference shown for the newest movement finds that movement. */
async function search(visitor, report) {
  await visitor.page.goto(visitor.url + "/console");
  const link = visitor.page.locator(MOVEMENT_LINKS);
  const reference = (await link.first().textContent())?.trim() ?? "";
  await visitor.page.fill("#q", reference);
  await visitor.press("Show");
  const hits = await visitor.page.locator(MOVEMENT_LINKS).allTextContents();
  const only = hits.length > 0 && hits.every((hit) => hit.trim() === reference);
  report.check(only, `the search for ${reference} finds it and nothing else`, hits.join(" "));
}

/** The download is the message itself, as a file. */
async function download(visitor, report, path) {
  const answer = await visitor.get(`${path}/xml`);
  const { "content-type": kind, "content-disposition": disposition } = answer.headers();
  report.check(kind === "application/xml" && /^attachment;/.test(disposition ?? ""), "a message can be downloaded", kind);
  report.check((await answer.body()).length > 0, "a downloaded message is not empty");
}

/** An attachment is kept as a file, and never shown as a page. */
async function attachment(visitor, report, path) {
  const answer = await visitor.get(path);
  const { "content-disposition": disposition, "x-content-type-options": sniff } = answer.headers();
  const kept = /^attachment; filename="attachment-[A-Za-z0-9._-]+"$/.test(disposition ?? "") && sniff === "nosniff";
  report.check(answer.status() === 200 && kept, "an attachment can be downloaded, and only that", disposition);
}

/** The form of a document takes files along, and is refused from elsewhere before any is read. */
async function documentForm(visitor, report) {
  await visitor.page.goto(visitor.url + "/console/documents");
  const form = visitor.page.locator("form[action='/console/documents']");
  const encoding = await form.getAttribute("enctype");
  const files = await form.locator("input[type=file]").count();
  report.check(encoding === "multipart/form-data" && files === 1, "a document can be sent with files", String(encoding));
  const first = await form.locator("input").first().getAttribute("name");
  report.check(first === "form_token", "the secret of the form comes before its files", String(first));
  const field = { name: "scan.txt", mimeType: "text/plain", buffer: Buffer.from("scan") };
  const foreign = await visitor.context.request.post(visitor.url + "/console/documents", {
    multipart: { form_token: "made-up", file: field },
    maxRedirects: 0,
  });
  report.check(foreign.status() === 403, "a file without the form's secret is refused", String(foreign.status()));
}

/** Forms from elsewhere change nothing; incomplete ones say what is missing and keep what was entered. */
async function decisions(visitor, report, found) {
  const [path] = found.movements;
  const form = { decision: "invalidate", reason: "test", confirmed: "yes" };
  const stale = await visitor.post(`${path}/decisions`, form);
  report.check(stale.status() === 403, "a decision without the form's secret is refused", String(stale.status()));
  const foreign = await visitor.post(`${path}/decisions`, form, { "sec-fetch-site": "cross-site" });
  report.check(foreign.status() === 403, "a decision from another site is refused", String(foreign.status()));
  for (const candidate of found.movements) {
    await visitor.page.goto(visitor.url + candidate);
    const forms = await visitor.page.locator(".decide details").count();
    if (forms === 0) {
      continue;
    }
    await visitor.page.locator(".decide summary").last().click();
    await visitor.page.evaluate(() => document.querySelectorAll("form").forEach((form) => (form.noValidate = true)));
    await visitor.page.locator(".decide details").last().locator("button[type=submit]").click();
    await visitor.look("decision-incomplete", ["The decision is not complete", "Confirm that you have checked"]);
    if ((await visitor.page.locator(".decide details[open]").count()) === 0) {
      report.check((await visitor.text()).includes("admits no decision"), "an incomplete form stays open");
      report.note("the movement moved on while its form was filled in");
    }
    return;
  }
  report.note("no movement waits for a decision now: the incomplete form was not tried");
}

/** The same pages without scripts: everything an officer needs is there. */
async function withoutScripts(browser, report, settings, list) {
  const visitor = await Visitor.start(browser, report, settings, { javaScriptEnabled: false });
  await visitor.page.goto(visitor.url + "/console");
  await visitor.page.fill("#name", settings.user);
  await visitor.page.fill("#password", settings.password);
  await visitor.press("Sign in");
  for (const [path, name, words, status = 200] of list) {
    const answer = await visitor.page.goto(visitor.url + path);
    report.check(answer.status() === status, `${name} answers ${status} without scripts`, String(answer.status()));
    const text = await visitor.text();
    words.forEach((word) => visitor.says(text, word, `without scripts ${name}`));
  }
  await visitor.press("Sign out");
  report.check(visitor.path() === "/console/sign-in", "the sign-out leads to the sign-in", visitor.path());
  await visitor.page.goto(visitor.url + "/console/partners");
  report.check(visitor.path() === "/console/sign-in", "after the sign-out no page is shown", visitor.path());
  await visitor.stop();
}

async function run(settings) {
  const report = new Report();
  await mkdir(settings.out, { recursive: true });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
  try {
    const visitor = await Visitor.start(browser, report, settings);
    await withoutSession(visitor, report);
    await signIn(visitor, report, settings);
    const found = await findPages(visitor, report, settings.patience);
    const list = pages(found);
    for (const [path, name, words, status = 200] of list) {
      await visitor.open(path, name, words, status);
    }
    await visitor.keyboard("/console");
    if (found.movements.length > 0) {
      await search(visitor, report);
      await decisions(visitor, report, found);
    }
    if (found.messages.length > 0) {
      await download(visitor, report, found.messages[0]);
    }
    await documentForm(visitor, report);
    if (found.attachments.length > 0) {
      await attachment(visitor, report, found.attachments[0]);
    }
    await visitor.stop();
    await withoutScripts(browser, report, settings, list);
    const kinds = `${list.length} pages at ${WIDTHS.join(" and ")} pixels, light and dark`;
    console.log(`${report.failures === 0 ? "ok  " : "FAIL"} ${report.checks} checks, ${report.failures} failures: ${kinds}`);
    console.log(`     screenshots: ${join(settings.out, "*.png")}`);
  } finally {
    await browser.close();
  }
  return report.failures === 0 ? 0 : 1;
}

let settings;
try {
  settings = options();
} catch (error) {
  console.error(`${error.message}\n${USAGE}`);
  process.exit(2);
}
try {
  process.exitCode = await run(settings);
} catch (error) {
  console.error(`FAIL the console could not be visited: ${error.message.split("\n")[0]}`);
  process.exitCode = 2;
}
