// One browser window at a console, which looks at each page it opens: what it says, whether everyone can use it,
// whether it keeps to the content security policy, and how it looks.

import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The widths at which pages are looked at: a desk's screen, and the narrowest that WCAG 2.2 asks for (1.4.10). */
export const WIDTHS = [1280, 320];

const AXE_SOURCE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** WCAG 2.2 AA, with all that it contains. */
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** How long a page may take. */
const PATIENCE_MS = 15_000;

const POLICY = [
  ["content-security-policy", /default-src 'none'.*frame-ancestors 'none'/],
  ["x-content-type-options", /^nosniff$/],
  ["referrer-policy", /^no-referrer$/],
  ["cache-control", /^no-store$/],
];

export class Visitor {
  static async start(browser, report, settings, extra = {}) {
    const visitor = new Visitor();
    visitor.report = report;
    visitor.url = settings.url;
    visitor.out = settings.out;
    visitor.context = await browser.newContext({ viewport: { width: WIDTHS[0], height: 900 }, ...extra });
    visitor.context.setDefaultTimeout(PATIENCE_MS);
    visitor.page = await visitor.context.newPage();
    visitor.scripted = extra.javaScriptEnabled !== false;
    visitor.shots = 0;
    const origin = new URL(settings.url).origin;
    visitor.page.on("request", (request) => {
      const own = new URL(request.url()).origin === origin;
      report.check(own, "pages fetch nothing from elsewhere", request.url());
    });
    visitor.page.on("console", (message) => {
      const refused = /content security policy|refused to/i.test(message.text());
      report.check(!refused, "pages keep to the content security policy", message.text());
    });
    visitor.page.on("pageerror", (error) => report.check(false, "pages run no scripts that fail", error.message));
    return visitor;
  }

  async stop() {
    await this.context.close();
  }

  path() {
    return new URL(this.page.url()).pathname;
  }

  /** The text of the page, without the spaces that only lay it out. */
  async text() {
    return (await this.page.locator("body").textContent()).replace(/\s+/g, " ");
  }

  /** A request outside the window, with the window's cookies, which follows no redirect. */
  get(path) {
    return this.context.request.get(this.url + path, { maxRedirects: 0 });
  }

  post(path, form, headers = {}) {
    return this.context.request.post(this.url + path, { form, headers, maxRedirects: 0 });
  }

  async press(name) {
    const button = this.page.getByRole("button", { name, exact: true }).first();
    await Promise.all([this.page.waitForNavigation(), button.click()]);
  }

  /** The addresses of the page's links that start with `prefix`, each once. */
  async links(prefix) {
    const links = await this.page.locator(`a[href^="${prefix}"]`).all();
    const addresses = await Promise.all(links.map((link) => link.getAttribute("href")));
    return [...new Set(addresses)];
  }

  /** Checks that a text has a word, or one of several. */
  says(text, word, name) {
    const choices = [word].flat();
    this.report.check(choices.some((choice) => text.includes(choice)), `${name} says "${choices.join('" or "')}"`);
  }

  /** Opens a page and looks at it. */
  async open(path, name, words, status = 200) {
    const answer = await this.page.goto(this.url + path);
    this.report.check(answer.status() === status, `${name} answers ${status}`, String(answer.status()));
    const headers = answer.headers();
    for (const [header, form] of POLICY) {
      this.report.check(form.test(headers[header] ?? ""), `${name} has its ${header}`, headers[header]);
    }
    await this.look(name, words);
  }

  /** Looks at the page that is open. */
  async look(name, words) {
    const text = await this.text();
    words.forEach((word) => this.says(text, word, name));
    this.report.check(/NTA\.[A-Z]{2}/.test(text), `${name} says whose console it is`);
    this.report.check((await this.page.locator("h1").count()) === 1, `${name} has one heading of the first level`);
    this.report.check((await this.page.locator("script, [style], style").count()) === 0, `${name} needs no scripts and styles of its own`);
    const stylesheet = await this.page.evaluate(() => getComputedStyle(document.querySelector(".top")).backgroundColor);
    this.report.check(stylesheet !== "rgba(0, 0, 0, 0)", `${name} has its stylesheet`);
    this.shots += 1;
    const number = String(this.shots).padStart(2, "0");
    for (const scheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme: scheme });
      for (const width of WIDTHS) {
        await this.page.setViewportSize({ width, height: 900 });
        const place = `${name} at ${width} pixels, ${scheme}`;
        const overflow = await this.page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
        this.report.check(overflow <= 0, `${place} needs no scrolling to the side`, `${overflow} pixels too wide`);
        await this.axe(place);
        const file = `${number}-${name}-${width}${scheme === "dark" ? "-dark" : ""}.png`;
        await this.page.screenshot({ path: join(this.out, file), fullPage: true });
      }
    }
    await this.page.emulateMedia({ colorScheme: "light" });
    await this.page.setViewportSize({ width: WIDTHS[0], height: 900 });
  }

  async axe(place) {
    await this.page.evaluate(AXE_SOURCE);
    const { violations, passes } = await this.page.evaluate(
      (tags) => globalThis.axe.run(document, { runOnly: { type: "tag", values: tags } }),
      AXE_TAGS,
    );
    this.report.check(passes.length > 0, `${place} was examined`);
    for (const violation of violations) {
      const where = violation.nodes.map((node) => node.target.join(" ")).slice(0, 5).join(", ");
      this.report.check(false, `${place} is accessible`, `${violation.id} (${violation.help}) at ${where}`);
    }
  }

  /** Walks through a page with the tabulator: it begins with the way to the content, and shows where it is. */
  async keyboard(path) {
    await this.page.goto(this.url + path);
    const seen = [];
    for (let step = 0; step < 25; step += 1) {
      await this.page.keyboard.press("Tab");
      const focus = await this.page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        return {
          name: element.getAttribute("href") ?? element.id ?? element.tagName,
          body: element === document.body,
          shown: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 1,
        };
      });
      if (focus.body) {
        break;
      }
      seen.push(focus);
    }
    this.report.check(seen[0]?.name === "#content", "the keyboard begins with the way to the content", seen[0]?.name);
    const hidden = seen.filter((focus) => !focus.shown).map((focus) => focus.name);
    this.report.check(hidden.length === 0, "the keyboard's place is always visible", hidden.join(", "));
    this.report.check(seen.length > 5, "the keyboard reaches the page's controls", String(seen.length));
  }
}
