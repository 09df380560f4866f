// Who is signed in, what is in the wallet, and the two small forms for both.

import * as api from "./api.js";
import { access } from "./memory.js";
import { asSentence, refusalInWords } from "./refusals.js";
import { minorUnits, money, typed } from "./words.js";

const RULES = {
  email: (text) => (/^[\x21-\x7e]+@[^@\s.]+(\.[^@\s.]+)+$/.test(text) && text.length <= 30
    ? "" : "An email looks like name@example.org and has at most 30 characters."),
  password: (text) => ([...text].length >= 8 && [...text].length <= 20 && /[a-z]/.test(text) && /\d/.test(text)
    && /[!@#$%^&*()_+]/.test(text) ? "" : "This password does not follow the rule above."),
  nickname: (text) => (/^[a-zA-Z0-9\uac00-\ud7a3\u3131-\u318e]{2,10}$/.test(text)
    ? "" : "This nickname does not follow the rule above."),
};

let joining = false;
let balance = null;
let onSignedIn = () => {};
let onBalance = () => {};
/** One top-up, one key: pressing the button again after a lost answer must not charge twice. */
let topUpKey = null;

/** Wires the forms. The two functions are told of every sign-in or sign-out, and of every balance. */
export function begin(handlers) {
  ({ onSignedIn, onBalance } = handlers);
  element("sign-in").addEventListener("click", () => askToSignIn());
  element("sign-out").addEventListener("click", signOut);
  element("wallet").addEventListener("click", () => askToTopUp());
  element("account-switch").addEventListener("click", () => setJoining(!joining));
  element("account-form").addEventListener("submit", (event) => submitting(event, submitAccount));
  element("wallet-form").addEventListener("submit", (event) => submitting(event, submitTopUp));
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  showMember();
  if (access.valid()) refreshWallet();
}

/** The money in the wallet, or null while nobody knows. */
export function walletBalance() {
  return balance;
}

/** Opens the sign-in form. */
export function askToSignIn(reason = "") {
  setJoining(false);
  say("account-notice", reason);
  element("account-dialog").showModal();
}

/** Opens the wallet, with what is missing already filled in. */
export function askToTopUp(missing = null) {
  say("wallet-notice", "");
  say("top-up-error", "");
  topUpKey = api.newKey();
  element("top-up-amount").value = missing ? typed(missing) : "";
  element("wallet-dialog").showModal();
  element("top-up-amount").select();
}

/** The session ended under our hands. */
export function sessionEnded() {
  access.forget();
  balance = null;
  showMember();
  askToSignIn("You were signed out. Please sign in again to go on.");
}

/** Reads the balance again. */
export async function refreshWallet() {
  try {
    takeBalance(await api.wallet());
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    if (error.status === 401) signOut();
  }
}

function takeBalance(answer) {
  balance = answer.balance;
  element("balance").textContent = money(balance);
  element("wallet-balance").textContent = money(balance);
  element("top-up-currency").textContent = balance.currency;
  onBalance(balance);
}

function signOut() {
  access.forget();
  balance = null;
  showMember();
  onSignedIn();
}

function showMember() {
  const inside = access.valid();
  element("sign-in").hidden = inside;
  element("member-name").textContent = access.nickname();
  for (const id of ["member-name", "wallet", "sign-out"]) element(id).hidden = !inside;
}

function setJoining(wanted) {
  joining = wanted;
  element("nickname-field").hidden = !joining;
  element("password-rule").hidden = !joining;
  element("password").autocomplete = joining ? "new-password" : "current-password";
  element("account-title").textContent = joining ? "Create an account" : "Sign in";
  element("account-submit").textContent = joining ? "Create account" : "Sign in";
  element("account-switch").textContent = joining ? "I have an account" : "New here? Create an account";
  say("account-notice", "");
  for (const name of Object.keys(RULES)) showFieldError(name, "");
}

/** Runs a form's step with its button out of reach, so that a second press does nothing. */
async function submitting(event, step) {
  event.preventDefault();
  const button = event.target.querySelector(".button");
  if (button.disabled) return;
  button.disabled = true;
  try {
    await step();
  } finally {
    button.disabled = false;
  }
}

async function submitAccount() {
  const person = { email: value("email").trim(), password: value("password") };
  if (joining) person.nickname = value("nickname").trim();
  say("account-notice", "");
  if (joining && !followsRules(person)) return;
  try {
    if (joining) await signUp(person);
    access.keep(await api.signIn({ email: person.email, password: person.password }));
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    showAccountRefusal(error);
    return;
  }
  element("password").value = "";
  element("account-dialog").close();
  showMember();
  await refreshWallet();
  onSignedIn();
}

/** A sign-up whose answer was lost is found taken the second time. If the password fits, it is this person's own. */
async function signUp(person) {
  try {
    await api.signUp(person);
  } catch (error) {
    if (error.code !== "email_taken") throw error;
    access.keep(await api.signIn({ email: person.email, password: person.password }).catch(() => { throw error; }));
  }
}

function followsRules(person) {
  const broken = Object.keys(RULES).filter((name) => {
    const error = RULES[name](person[name]);
    showFieldError(name, error);
    return error;
  });
  if (broken.length) element(broken[0]).focus();
  return broken.length === 0;
}

/** Says it beside the fields where the refusal names them. */
function showAccountRefusal(refusal) {
  const sentences = refusal.problem.rules ?? [];
  for (const name of Object.keys(RULES)) {
    const own = sentences.filter((sentence) => sentence.includes(name)).map(asSentence);
    if (refusal.code.startsWith(`${name}_`)) own.push(refusalInWords(refusal));
    showFieldError(name, own.join(" "));
  }
  const wrong = Object.keys(RULES).find((name) => element(`${name}-error`).textContent);
  if (wrong) element(wrong).focus();
  else say("account-notice", refusalInWords(refusal));
}

async function submitTopUp() {
  const amount = minorUnits(value("top-up-amount"), balance?.currency ?? "KRW");
  say("wallet-notice", "");
  showFieldError("top-up", amount === null ? "Please enter an amount above zero." : "", "top-up-amount");
  if (amount === null) return;
  try {
    takeBalance(await api.topUp(amount, topUpKey));
    element("wallet-dialog").close();
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    // What is decided is over: the next press is another top-up.
    if (!error.undecided) topUpKey = api.newKey();
    if (error.status === 401) {
      element("wallet-dialog").close();
      sessionEnded();
    } else {
      say("wallet-notice", refusalInWords(error));
    }
  }
}

function showFieldError(name, text, input = name) {
  element(`${name}-error`).textContent = text;
  element(input).setAttribute("aria-invalid", String(Boolean(text)));
}

function say(id, text) {
  element(id).textContent = text;
  element(id).hidden = !text && id.endsWith("notice");
}

function value(id) {
  return element(id).value;
}

function element(id) {
  return document.getElementById(id);
}
