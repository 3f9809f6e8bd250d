// Verifies deliveries with the JavaScript library of Standard Webhooks.
//
// Reads JSON lines {secret, headers, body} and answers each with a line: ok or failed.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Packages stand where the first argument says, and not beside this file.
const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const { Webhook } = require("standardwebhooks");

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("ok");
  } catch (error) {
    console.log(`failed: ${error.name}: ${error.message}`);
  }
}
