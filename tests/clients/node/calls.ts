// Calls with the types that were made of the OpenAPI document; a name that is wrong does not compile.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: [string, string, string, string, string] };

type Problem = components["schemas"]["Problem"];
const [, , baseUrl, email, password] = process.argv;
const client = createClient<paths>({ baseUrl });

const login = await client.POST("/auth/login", { body: { email, password } });
if (!login.data) throw new Error(login.error.error);
const headers = { Authorization: `Bearer ${login.data.token}` };

const query = { state: ["awaiting_review" as const] };
const list = await client.GET("/sessions", { headers, params: { query } });
const listed = list.data?.sessions[0];
const there = await client.GET("/sessions/{session_id}", {
  headers,
  params: { path: { session_id: listed?.id ?? "" } },
});
const transcript = await client.GET("/sessions/{session_id}/transcript", {
  headers,
  params: { path: { session_id: listed?.id ?? "" } },
});
const word: (string | number)[] | undefined = transcript.data?.lines[0]?.words[1];
const nowhere = await client.GET("/sessions/{session_id}", {
  headers,
  params: { path: { session_id: "nowhere" } },
});
const metadata: components["schemas"]["MetadataIn"] = {
  patient: { id: "300000015", name: "Dana Cohen" },
  session_date: "2026-03-04",
  timed_notes: [{ timestamp: "00:09", content: "Mentions the sister." }, { content: "At the start." }],
};
const refused = await client.POST("/sessions/upload", {
  headers,
  body: { metadata, audio_file: "this is no recording" },
  bodySerializer({ metadata, audio_file }) {
    const form = new FormData();
    form.append("metadata", JSON.stringify(metadata));
    form.append("audio_file", new Blob([audio_file]), "recording.m4a");
    return form;
  },
});
const problem: Problem | undefined = nowhere.error;
console.log(
  JSON.stringify({
    user: login.data.userFullName,
    listed: listed?.id,
    day: there.data?.session_date,
    speakers: there.data?.heard?.talk.speakers.map((each) => each.speaker),
    word,
    status: nowhere.response.status,
    code: problem?.code,
    upload: refused.error?.code,
  }),
);
