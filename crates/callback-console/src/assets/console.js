// What pages do beyond plain HTML: they follow what happens, send forms without a reload, count
// down, and show instants in the reader's own time. Without this file everything works by hand.

/** Time between two looks at the server, at least. */
const PACE = 500;

const content = () => document.getElementById("content");
const announcer = document.getElementById("announcer");

// ---- Content from the server, put in place of what is shown with as few changes as there are.

/** Attributes that the reader or this script set, and the server knows nothing of. */
const OURS = new Set(["open", "data-touched", "data-zone", "disabled", "aria-busy"]);

/** Makes `from` like `to`; elements with `data-keep` are left alone while they have the same id. */
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName
    || (from.id || "") !== (to.id || "") || (from.dataset?.key ?? "") !== (to.dataset?.key ?? "")) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.hasAttribute("data-keep")) return;
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !OURS.has(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  if (from.matches("input, textarea, select")) {
    // Whoever types is not interrupted; otherwise the server knows better.
    if (from !== document.activeElement && !from.dataset.touched && "value" in to && from.value !== to.value) {
      delete from.dataset.zone;
      from.value = to.value;
    }
    if (from.nodeName !== "SELECT") return;
    if (from === document.activeElement || from.dataset.touched) return;
  }
  morphChildren(from, to);
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || null : null;
}

function morphChildren(from, to) {
  const keyed = new Map();
  for (const child of from.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = keyOf(wanted);
    const known = key && keyed.get(key);
    if (known && known !== at && known.nodeName === wanted.nodeName) {
      from.insertBefore(known, at);
      morph(known, wanted);
      continue;
    }
    if (!at) {
      from.append(wanted);
      continue;
    }
    if (!known && (key || (keyOf(at) && wanted.nodeType !== at.nodeType))) {
      from.insertBefore(wanted, at);
      continue;
    }
    const next = at.nextSibling;
    morph(at, wanted);
    at = next;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

let shownAt = performance.now();

function show(html, focus) {
  const parsed = new DOMParser().parseFromString(html, "text/html").getElementById("content");
  const main = content();
  if (!parsed || !main) return false;
  for (const part of parsed.querySelectorAll("noscript")) part.remove();
  shownAt = performance.now();
  const fresh = document.adoptNode(parsed);
  if (focus) main.replaceWith(fresh); else morph(main, fresh);
  document.dispatchEvent(new CustomEvent("content"));
  if (focus) {
    const first = fresh.querySelector("[data-focus], [autofocus], [aria-invalid='true']") ?? fresh;
    first.focus({ preventScroll: first === fresh });
    if (first === fresh) window.scrollTo(0, 0);
  }
  return true;
}

async function fetchContent(address, options = {}) {
  const headers = { "X-Content-Only": "1", ...options.headers };
  const response = await fetch(address, { credentials: "same-origin", ...options, headers });
  if (response.status === 401 && !options.method) location.reload();
  return response;
}

/** Goes to an address of ours without a reload. */
async function visit(address, { push = true, options } = {}) {
  content()?.setAttribute("aria-busy", "true");
  try {
    const response = await fetchContent(address, options);
    const type = response.headers.get("Content-Type") ?? "";
    if (!type.startsWith("text/html") || response.url.includes("/console/sign-in")) {
      location.assign(options ? "/console" : address);
      return;
    }
    const html = await response.text();
    looks += 1;
    if (push && (response.ok || !options) && response.url !== location.href) history.pushState(null, "", response.url);
    if (!show(html, true)) location.assign(address);
  } catch {
    if (options) announce(document.getElementById("live")?.dataset.lostText ?? "");
    else location.assign(address);
  } finally {
    content()?.removeAttribute("aria-busy");
  }
}

function announce(text) {
  if (announcer && announcer.textContent !== text) announcer.textContent = text;
}

// ---- Looking again when something happened.

let looks = 0;
let looking = false;
let wanted = false;
let lastLook = 0;
let timer = 0;

/** What the page shows, as kinds; a page without `data-live` does not follow. */
function follows(kinds) {
  const parts = [...document.querySelectorAll("[data-live]")];
  return parts.some((part) => part.dataset.live.split(" ").some((kind) => kinds.includes(kind)));
}

function lookSoon() {
  wanted = true;
  // A hidden page looks only when somebody waits to be called by it.
  if (document.hidden && !document.querySelector("[data-live-hidden]")) return;
  if (timer || looking) return;
  timer = setTimeout(look, Math.max(0, lastLook + PACE - performance.now()));
}

async function look() {
  timer = 0;
  looking = true;
  wanted = false;
  const [mine, address] = [looks, location.href];
  try {
    const response = await fetchContent(address);
    const html = response.ok ? await response.text() : null;
    // Whoever went elsewhere meanwhile is not brought back.
    if (html && mine === looks && address === location.href) {
      await new Promise((done) => document.hidden ? done() : requestAnimationFrame(done));
      show(html, false);
    }
  } catch {
    // The stream says when the server is back.
  }
  lastLook = performance.now();
  looking = false;
  if (wanted) lookSoon();
}

/** Looks when the last look is long ago, whatever was heard meanwhile. */
function lookWhenRested() {
  if (!document.querySelector("[data-live]")) return;
  const every = Number(document.querySelector("[data-look-every]")?.dataset.lookEvery ?? 60) * 1000;
  if (performance.now() - lastLook >= every - 1000) lookSoon();
}

function followLive() {
  const source = document.body.dataset.liveSource;
  if (!source) return;
  const lamp = document.getElementById("live");
  const light = (on) => {
    if (!lamp) return;
    lamp.classList.toggle("on", on);
    const text = on ? lamp.dataset.liveText : lamp.dataset.lostText;
    lamp.setAttribute("aria-label", text);
    lamp.title = text;
  };
  let stream = null;
  const connect = () => {
    stream = new EventSource(source);
    stream.addEventListener("open", () => light(true));
    stream.addEventListener("error", () => light(false));
    stream.addEventListener("change", (event) => {
      if (follows(JSON.parse(event.data).kinds)) lookSoon();
    });
    stream.addEventListener("beat", () => lookWhenRested());
    stream.addEventListener("signed-out", () => {
      disconnect();
      location.reload();
    });
  };
  const disconnect = () => {
    stream?.close();
    stream = null;
  };
  connect();
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  document.addEventListener("visibilitychange", () => {
    // Browsers keep few connections to one host, so a page that nobody sees gives its own back;
    // the first event of the next one makes it look.
    if (document.hidden) {
      if (!document.querySelector("[data-live-hidden]")) disconnect();
    } else if (!stream) connect();
    else if (wanted) lookSoon();
  });
  setInterval(lookWhenRested, 5000);
}

// ---- Links and forms without a reload.

function isPlain(event) {
  return !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !isPlain(event) || link.target || link.origin !== location.origin) return;
  if (!link.pathname.startsWith("/console/") || link.hasAttribute("data-plain") || link.closest(".bar")) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  visit(link.href);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.hasAttribute("data-plain")) return;
  const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    return;
  }
  event.preventDefault();
  const filled = new URLSearchParams(new FormData(form, event.submitter));
  const action = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
  const address = new URL(action, location.href);
  if (form.method === "post") {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    visit(address.href, { options: { method: "POST", body: filled } }).finally(() => {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    });
  } else {
    for (const [name, value] of [...filled]) if (value === "") filled.delete(name);
    address.search = filled.toString();
    visit(address.href);
  }
});

document.addEventListener("input", (event) => { event.target.dataset.touched = "1"; });
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.hasAttribute("data-auto")) form.requestSubmit();
});
window.addEventListener("popstate", () => visit(location.href, { push: false }));

// ---- Instants and countdowns.

const near = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const far = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const farther = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function localise() {
  for (const time of content()?.querySelectorAll("time[data-local]") ?? []) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const isToday = at.toDateString() === new Date().toDateString();
    const isThisYear = at.getFullYear() === new Date().getFullYear();
    const text = (isToday ? near : isThisYear ? far : farther).format(at);
    if (time.textContent !== text) time.textContent = text;
    time.title = whole.format(at);
  }
}

/** Instants to be chosen are in UTC for the server, and in the reader's own time for the reader. */
function localiseChoices() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const input of content()?.querySelectorAll("input[type='datetime-local']") ?? []) {
    if (!input.dataset.zone && !input.dataset.touched) {
      if (input.value) input.value = shifted(new Date(`${input.value}Z`), -1);
      input.dataset.zone = zone;
    }
    if (!input.dataset.zone) continue;
    const hint = document.getElementById(`${input.id}-hint`);
    if (hint) hint.textContent = hint.textContent.replace("UTC", zone);
  }
}

/** An instant as the field takes it: without its zone. */
function shifted(at, sign) {
  return new Date(at.getTime() + sign * at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

document.addEventListener("formdata", (event) => {
  for (const input of event.target.querySelectorAll("input[type='datetime-local'][data-zone]")) {
    if (input.name && input.value) event.formData.set(input.name, new Date(input.value).toISOString());
  }
}, true);

/** So many seconds, as the server writes them. */
function duration(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${Math.max(0, seconds)} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (seconds < 3600) return `${minutes}:${two(seconds % 60)}`;
  if (seconds < 86400) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function tick() {
  const gone = Math.floor((performance.now() - shownAt) / 1000);
  for (const part of content()?.querySelectorAll("[data-left]") ?? []) {
    const text = duration(Math.max(0, Number(part.dataset.left) - gone));
    if (part.textContent !== text) part.textContent = text;
  }
}

// ---- Somebody is asked: a sound and the title.

let sound = null;
let asked = "";
const titleOf = () => content()?.dataset.title ?? document.title;

document.addEventListener("pointerdown", () => {
  // Browsers allow sound only once somebody did something.
  sound ??= new AudioContext();
  sound.resume();
}, { passive: true });
document.addEventListener("keydown", () => { sound ??= new AudioContext(); sound.resume(); }, { passive: true });

function ring() {
  if (!sound || sound.state !== "running") return;
  for (const [start, frequency] of [[0, 660], [0.22, 880], [0.44, 660], [0.66, 880]]) {
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    const at = sound.currentTime + start;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.2, at + 0.02);
    volume.gain.linearRampToValueAtTime(0, at + 0.2);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.21);
  }
}

function attend() {
  const offer = document.querySelector("[data-offer]");
  const now = offer?.dataset.offer ?? "";
  if (now && now !== asked) {
    ring();
    announce(offer.dataset.offerText ?? "");
  }
  asked = now;
  document.title = offer ? `● ${offer.dataset.offerText} · ${titleOf()}` : titleOf();
}

document.addEventListener("content", () => { localise(); localiseChoices(); tick(); attend(); });
setInterval(tick, 1000);
setInterval(() => { if (document.querySelector("[data-offer]")) ring(); }, 4000);
localise();
localiseChoices();
tick();
attend();
followLive();
