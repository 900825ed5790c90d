// Reads a JSON array of {secret, headers, body} and writes which of them npm's standardwebhooks accepts.
import { Webhook, WebhookVerificationError } from "standardwebhooks";

let input = "";
for await (const piece of process.stdin.setEncoding("utf8")) input += piece;

const accepted = JSON.parse(input).map(({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
});
process.stdout.write(JSON.stringify(accepted));
