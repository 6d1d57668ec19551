// The client of the 2026-07-28 revision in each of its ways to negotiate.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { play } from "./job.mjs";
import { binary, environment, passed, within, withRepository } from "./scratch.mjs";

const modes = [
  ["auto", "auto", "modern"],
  ["legacy", "legacy", "legacy"],
  ["pinned to 2026-07-28", { pin: "2026-07-28" }, "modern"],
];

for (const [title, mode, era] of modes) {
  await withRepository(async (repo) => {
    const began = performance.now();
    const client = new Client({ name: "interop-client", version: "1.0.0" }, { versionNegotiation: { mode } });
    client.onerror = (error) => assert.fail(`the client complains: ${error}`);
    const transport = new StdioClientTransport({ command: binary(), args: ["serve", "--repo", repo], env: environment() });
    await within(20, "connect", client.connect(transport));
    assert.equal(client.getProtocolEra(), era);
    if (era === "modern") {
      assert.equal(client.getNegotiatedProtocolVersion(), "2026-07-28");
    }
    assert.match(client.getInstructions() ?? "", /task board/);
    await play(client, repo);
    await within(10, "close", client.close());
    passed(`client 2.4.0, ${title}`, began);
  });
}
