// The Inspector's command line in both eras. Its exit codes: 0 good, 5 the tool
// answered an error, 6 a schema is not portable (--strict).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { binary, environment, passed, withRepository } from "./scratch.mjs";

const manifest = createRequire(import.meta.url).resolve("@modelcontextprotocol/inspector/package.json");
const entry = join(dirname(manifest), createRequire(import.meta.url)(manifest).bin["mcp-inspector"]);

function inspect(repo, ...args) {
  const done = spawnSync(process.execPath, [entry, "--cli", binary(), "--repo", repo, "--toolsets", "all", ...args],
    { env: environment(), encoding: "utf8", timeout: 60_000 });
  assert.equal(done.error, undefined, `mcp-inspector ${args.join(" ")}: ${done.error}`);
  return done;
}

for (const era of ["legacy", "modern"]) {
  await withRepository(async (repo) => {
    const began = performance.now();
    const list = inspect(repo, "--protocol-era", era, "--method", "tools/list", "--strict", "--format", "json");
    assert.equal(list.status, 0, `tools/list --strict: ${list.stdout}${list.stderr}`);
    const call = inspect(repo, "--protocol-era", era, "--method", "tools/call", "--tool-name", "task_create",
      "--tool-args-json", JSON.stringify({ subject: "Try the Inspector" }), "--format", "json");
    assert.equal(call.status, 0, `tools/call: ${call.stdout}${call.stderr}`);
    assert.match(call.stdout, /Try the Inspector/);
    const error = inspect(repo, "--protocol-era", era, "--method", "tools/call", "--tool-name", "task_get", "--tool-args-json", `{"task_id":9}`);
    assert.equal(error.status, 5, `tools/call of an error: ${error.stdout}${error.stderr}`);
    passed(`inspector 2.12.0, ${era}`, began);
  });
}
