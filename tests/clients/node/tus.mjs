// Uploads a file with tus-js-client: URL, token, file, metadata, bytes of a request; prints where it went.
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [url, token, path, metadata, part] = process.argv.slice(2);
const upload = new Upload(createReadStream(path), {
  endpoint: `${url}/uploads`,
  headers: { Authorization: `Bearer ${token}` },
  uploadSize: statSync(path).size,
  chunkSize: part === "all" ? Infinity : Number(part),
  metadata: { filename: "session.wav", metadata },
  retryDelays: Array(50).fill(50),
  onError: (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
