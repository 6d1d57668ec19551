// The SDK of the 2025 protocol revisions. The server finds the repository by its
// working directory.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { play } from "./job.mjs";
import { binary, environment, passed, within, withRepository } from "./scratch.mjs";

await withRepository(async (repo) => {
  const began = performance.now();
  const client = new Client({ name: "interop-sdk", version: "1.0.0" });
  client.onerror = (error) => assert.fail(`the client complains: ${error}`);
  const transport = new StdioClientTransport({ command: binary(), args: ["serve"], cwd: repo, env: environment() });
  await within(20, "connect", client.connect(transport));
  assert.equal(client.getServerVersion()?.name, "wt-mcp");
  assert.match(client.getInstructions() ?? "", /task board/);
  await within(10, "ping", client.ping());
  await play({ listTools: () => client.listTools(), callTool: (params, options) => client.callTool(params, undefined, options) }, repo);
  await within(10, "close", client.close());
  passed("sdk 1.32.2, legacy", began);
});
