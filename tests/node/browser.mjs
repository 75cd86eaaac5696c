// A browser that does what the lines on its standard input say, one after the other, as JSON.

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

const settings = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const context = await browser.newContext({
  javaScriptEnabled: settings?.scripts ?? true,
  ignoreHTTPSErrors: true,
});
context.setDefaultTimeout(30_000);
let page = await context.newPage();
// What went over the wire, and what pages complained of.
const requests = [];
const complaints = [];
context.on("request", async (request) => {
  const headers = request.headers();
  requests.push({ method: request.method(), url: request.url(), referer: headers.referer ?? null });
});
context.on("console", (message) => complaints.push(message.text()));
context.on("dialog", async (dialog) => {
  complaints.push(`dialog: ${dialog.message()}`);
  await dialog.dismiss();
});

const tell = (answer) => console.log(JSON.stringify(answer));
const here = async (response) => ({
  url: page.url(),
  title: await page.title(),
  status: response?.status() ?? null,
});

const deeds = {
  goto: async ({ url }) => here(await page.goto(url)),
  click: async ({ selector }) => {
    await page.locator(selector).first().click();
    await page.waitForLoadState();
    return here();
  },
  fill: async ({ selector, text }) => {
    await page.locator(selector).first().fill(text);
    return null;
  },
  press: async ({ key }) => {
    await page.keyboard.press(key);
    await page.waitForLoadState();
    return here();
  },
  focused: async () => page.evaluate(() => document.activeElement?.outerHTML ?? null),
  waitFor: async ({ selector }) => {
    await page.locator(selector).first().waitFor();
    return here();
  },
  text: async ({ selector }) => page.locator(selector).first().innerText(),
  texts: async ({ selector }) => page.locator(selector).allInnerTexts(),
  html: async () => page.content(),
  evaluate: async ({ script }) => page.evaluate(script),
  back: async () => here(await page.goBack()),
  reload: async () => here(await page.reload()),
  screenshot: async ({ path }) => {
    await page.screenshot({ path, fullPage: true });
    return null;
  },
  axe: async () => {
    const found = await new AxeBuilder({ page }).analyze();
    return found.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => node.html) }));
  },
  cookies: async () => context.cookies(),
  setContent: async ({ html }) => {
    await page.setContent(html);
    return here();
  },
  requests: async () => requests,
  complaints: async () => complaints,
};

tell({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    tell({ answer: (await deeds[asked.do](asked)) ?? null });
  } catch (error) {
    tell({ error: String(error) });
  }
}
await browser.close();
