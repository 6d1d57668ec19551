// The product's main job, played through any client that has listTools and
// callTool. Clients check structuredContent against the tool's outputSchema.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { git, within } from "./scratch.mjs";

const offered = [
  "task_bind_worktree", "task_create", "task_get", "task_list", "task_update", "worktree_create", "worktree_events",
  "worktree_keep", "worktree_list", "worktree_remove", "worktree_run", "worktree_status",
];

export async function play(client, repo) {
  const call = (name, args, options) => within(60, name, client.callTool({ name, arguments: args }, options));
  const good = async (name, args) => {
    const result = await call(name, args);
    assert.ok(!result.isError, `${name} failed: ${text(result)}`);
    assert.notEqual(text(result), "", `${name} has no text`);
    return result.structuredContent;
  };
  const bad = async (code, name, args) => {
    const result = await call(name, args);
    assert.equal(result.isError, true, `${name} must fail`);
    assert.match(text(result), new RegExp(`^error\\[${code}\\]: .+`));
    assert.equal(result.structuredContent, undefined);
    const error = result._meta?.["wt-mcp/error"];
    assert.equal(error?.code, code);
    assert.ok(error.message.length > 0);
    return { text: text(result), error };
  };

  await tools(client);
  await mainJob(good, bad, repo);
  await errors(good, bad, repo);
  await sideBySide(good);
  await cancelled(client, good, repo);
}

function text(result) {
  return result.content.filter((c) => c.type === "text").map((c) => c.text).join("\n");
}

async function tools(client) {
  const { tools } = await within(20, "tools/list", client.listTools());
  const names = tools.map((t) => t.name);
  for (const name of offered) {
    assert.ok(names.includes(name), `${name} is not offered`);
  }
  assert.ok(!names.includes("file_read"), "the files set is offered without --toolsets");
  for (const t of tools) {
    assert.ok(t.title && t.description && t.outputSchema, `${t.name} lacks title, description or outputSchema`);
    assert.equal(t.inputSchema.additionalProperties, false, `${t.name} takes arguments that it does not name`);
    for (const hint of ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]) {
      assert.equal(typeof t.annotations?.[hint], "boolean", `${t.name} lacks ${hint}`);
    }
  }
}

async function mainJob(good, bad, repo) {
  const first = await good("task_create", { subject: "Implement auth refactor", priority: 1, labels: ["auth"] });
  assert.deepEqual([first.id, first.status, first.worktree, first.version], [1, "pending", "", 1]);
  await good("task_create", { subject: "Login UI polish", description: "Two screens." });
  const board = await good("task_list", {});
  assert.deepEqual(board.tasks.map((t) => t.id), [1, 2]);
  assert.equal(board.counts.pending, 2);

  const auth = await good("worktree_create", { name: "auth-refactor", task_id: 1 });
  assert.deepEqual([auth.branch, auth.status, auth.task_id], ["wt/auth-refactor", "active", 1]);
  assert.ok(existsSync(join(auth.path, "README.md")));
  assert.equal((await good("task_get", { task_id: 1 })).status, "in_progress");
  await good("worktree_create", { name: "ui-login" });
  const bound = await good("task_bind_worktree", { task_id: 2, worktree: "ui-login", owner: "alice" });
  assert.deepEqual([bound.status, bound.worktree, bound.owner], ["in_progress", "ui-login", "alice"]);

  const ran = await good("worktree_run", { name: "auth-refactor", command: "echo done > work.txt; echo out; echo err >&2; exit 3" });
  assert.deepEqual([ran.status, ran.exit_code, ran.output, ran.truncated], ["exited", 3, "out\nerr\n", false]);
  const dirty = await good("worktree_status", { name: "auth-refactor" });
  assert.deepEqual([dirty.clean, dirty.removable, dirty.untracked, dirty.reasons[0].code], [false, false, ["work.txt"], "dirty"]);

  const refused = await bad("dirty", "worktree_remove", { name: "auth-refactor" });
  assert.match(refused.text, /work\.txt/);
  assert.deepEqual(refused.error.files, ["work.txt"]);
  assert.equal(readFileSync(join(auth.path, "work.txt"), "utf8"), "done\n");

  const author = "git -c user.name=a -c user.email=a@example.com -c commit.gpgsign=false";
  await good("worktree_run", { name: "auth-refactor", command: `git add -A && ${author} commit --quiet -m Work` });
  const clean = await good("worktree_status", { name: "auth-refactor" });
  assert.deepEqual([clean.clean, clean.removable, clean.ahead, clean.reasons], [true, true, 1, []]);

  const kept = await good("worktree_keep", { name: "ui-login", reason: "for review" });
  assert.equal(kept.status, "kept");
  const removed = await good("worktree_remove", { name: "auth-refactor", complete_task: true });
  assert.deepEqual([removed.worktree.status, removed.task.status, removed.branch_outcome], ["removed", "completed", "kept"]);
  assert.ok(!existsSync(auth.path));
  assert.equal(git(repo, "show", "wt/auth-refactor:work.txt"), "done");
  assert.equal(git(repo, "status", "--short"), "", "the board shows in git status");

  const list = await good("worktree_list", {});
  assert.deepEqual(list.worktrees.map((w) => [w.name, w.status]), [["auth-refactor", "removed"], ["ui-login", "kept"]]);
  const log = await good("worktree_events", { limit: 200 });
  assert.deepEqual(log.events.map((e) => e.seq), log.events.map((_, i) => i + 1));
  const names = log.events.map((e) => e.event);
  for (const name of ["worktree.create.before", "worktree.create.after", "worktree.keep", "worktree.remove.before",
    "worktree.remove.failed", "worktree.remove.after", "task.completed"]) {
    assert.ok(names.includes(name), `there is no event ${name}`);
  }
  const later = await good("worktree_events", { after_seq: log.last_seq });
  assert.deepEqual([later.events, later.last_seq], [[], log.last_seq]);
}

async function errors(good, bad, repo) {
  await bad("not_found", "task_get", { task_id: 99 });
  await bad("not_found", "worktree_status", { name: "ui-logni" }).then(({ error }) => assert.deepEqual(error.nearest, ["ui-login"]));
  await bad("already_exists", "worktree_create", { name: "ui-login" });
  await bad("conflict", "task_update", { task_id: 2, note: "x", if_version: 77 });
  await bad("conflict", "task_update", { task_id: 1, status: "pending" });
  for (const [name, args, argument] of [
    ["task_create", {}, "subject"], ["task_create", { subject: 7 }, "subject"], ["task_create", { subject: "x", colour: "red" }, "colour"],
    ["worktree_create", { name: "../out" }, "name"], ["worktree_create", { name: "x", base_ref: "--upload-pack=x" }, "base_ref"],
    ["worktree_events", { limit: 1000 }, "limit"],
  ]) {
    const { error } = await bad("invalid_argument", name, args);
    assert.equal(error.argument, argument, `${name} ${JSON.stringify(args)}`);
  }
  assert.ok(!existsSync(join(repo, ".worktrees", "x")));
}

// sideBySide: a quick call does not wait for a long run.
async function sideBySide(good) {
  let ended = false;
  const run = good("worktree_run", { name: "ui-login", command: "sleep 3; echo woke" }).then((r) => { ended = true; return r; });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await good("task_list", {});
  assert.equal(ended, false, "the quick call waited for the long one");
  assert.equal((await run).output, "woke\n");
  const late = await good("worktree_run", { name: "ui-login", command: "echo first; sleep 30", timeout_seconds: 0.3 });
  assert.deepEqual([late.status, late.output], ["timed_out", "first\n"]);
}

// cancelled: the command of a cancelled call dies, and the session goes on.
async function cancelled(client, good, repo) {
  const stop = new AbortController();
  const alive = join(repo, ".worktrees", "ui-login", "alive");
  const command = `while :; do date +%s%N > ${JSON.stringify(alive)}; sleep 0.05; done`;
  const run = client.callTool({ name: "worktree_run", arguments: { name: "ui-login", command } }, { signal: stop.signal });
  const outcome = assert.rejects(within(20, "cancelled run", run), "a cancelled call must not have a result");
  while (!existsSync(alive)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  stop.abort("enough");
  await outcome;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const last = readFileSync(alive, "utf8");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(readFileSync(alive, "utf8"), last, "the command of a cancelled call still runs");
  const gone = await good("worktree_remove", { name: "ui-login", complete_task: true, force: true });
  assert.equal(gone.worktree.status, "removed");
  assert.equal(readFileSync(join(gone.trash, "alive"), "utf8"), last, "the trash lacks a file that was not committed");
}
