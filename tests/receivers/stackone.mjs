// Reads all records with StackOne's published client, which validates every answer.
//
// Arguments: the folder of the packages, the address, the token, the account. Prints the ids that it
// has read, by list, as JSON.

import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, serverURL, username, xAccountId] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { StackOne } = require("@stackone/stackone-client-ts");

const client = new StackOne({ serverURL, security: { username, password: "" } });
const lists = {
  users: ["listUsers", "getUser", "iamUsersPaginated", "iamUserResult"],
  roles: ["listRoles", "getRole", "iamRolesPaginated", "iamRoleResult"],
  groups: ["listGroups", "getGroup", "iamGroupsPaginated", "iamGroupResult"],
  policies: ["listPolicies", "getPolicy", "iamPoliciesPaginated", "iamPolicyResult"],
};
const found = {};
for (const [list, [all, one, , result]] of Object.entries(lists)) {
  const rows = [];
  const pages = await client.iam[all]({ xAccountId, pageSize: "7", expand: "roles,groups" });
  for await (const page of pages) {
    const [body] = Object.values(page.result ?? page).filter((part) => Array.isArray(part?.data));
    rows.push(...body.data);
  }
  found[list] = rows.map((row) => row.remoteId);
  const last = rows.at(-1);
  const got = await client.iam[one]({ xAccountId, id: last.id });
  const [answer] = [got[result] ?? got];
  if (answer.data.remoteId !== last.remoteId) {
    throw new Error(`${one} of ${last.id} gave ${JSON.stringify(answer)}`);
  }
}
const accounts = await client.accounts.listLinkedAccounts({});
found.accounts = (accounts.linkedAccounts ?? accounts.classes ?? accounts).map((one) => one.id);
console.log(JSON.stringify(found));
