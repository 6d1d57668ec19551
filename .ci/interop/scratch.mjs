// What the sessions share: a scratch repository, bounded waits, checks.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// environment is this process's, without the variables that lead git astray.
export function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
}

export function git(dir, ...args) {
  const identity = ["-c", "user.name=interop", "-c", "user.email=interop@example.com", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...identity, ...args], { cwd: dir, env: environment(), encoding: "utf8" }).trim();
}

// withRepository makes a repository with one commit, and removes it afterwards.
export async function withRepository(use) {
  const dir = mkdtempSync(join(tmpdir(), "wt-mcp-interop-"));
  try {
    git(dir, "init", "--quiet", "--initial-branch=main");
    writeFileSync(join(dir, "README.md"), "# shop\n");
    git(dir, "add", "README.md");
    git(dir, "commit", "--quiet", "--message=Start");
    await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

// within fails when a promise takes longer than it may.
export async function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// binary is the program under test: the first argument of every script.
export function binary() {
  assert.ok(process.argv[2], `usage: node ${process.argv[1]} PATH-OF-WT-MCP`);
  return process.argv[2];
}

export function passed(name, began) {
  console.log(`ok  ${name}  ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
