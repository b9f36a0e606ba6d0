import assert from "node:assert/strict";
import { test } from "node:test";
import { sealAnswer } from "../src/sdk/sdp.ts";

const VIDEO = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=fmtp:96 usedtx=1"];

function lines(...of: string[]): string {
  return of.join("\r\n") + "\r\n";
}

function audio(...fmtp: string[]): string {
  const head = ["v=0", "s=-", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=rtpmap:111 opus/48000/2"];
  return lines(...head, ...fmtp, "a=rtcp-mux", ...VIDEO);
}

function fmtp(sdp: string): string[] {
  return sdp.split("\r\n").filter((line) => line.startsWith("a=fmtp:111"));
}

test("opus is of constant bit rate and without DTX, whatever the answer says", () => {
  for (const given of [
    [],
    ["a=fmtp:111 minptime=10;useinbandfec=1;usedtx=0"],
    ["a=fmtp:111 usedtx=1;cbr=0"],
    ["a=fmtp:111 UseDTX=1; CBR = 0 ;stereo=1"],
    ["a=fmtp:111 usedtx=1", "a=fmtp:111 cbr=0"],
    ["a=FMTP:111 usedtx=1"],
  ]) {
    const sealed = fmtp(sealAnswer(audio(...given)));
    assert.equal(sealed.length, 1, String(given));
    const parameters = sealed[0]!.slice("a=fmtp:111 ".length).split(";");
    assert.equal(parameters.filter((parameter) => /^cbr/i.test(parameter)).join(), "cbr=1", String(given));
    assert.equal(parameters.filter((parameter) => /^usedtx/i.test(parameter)).join(), "usedtx=0", String(given));
  }
});

test("all else stays as it was", () => {
  const sealed = sealAnswer(audio("a=fmtp:111 minptime=10;useinbandfec=1"));
  assert.equal(sealed, audio("a=fmtp:111 minptime=10;useinbandfec=1;cbr=1;usedtx=0"));
  assert.equal(sealAnswer(lines("v=0", ...VIDEO)), lines("v=0", ...VIDEO));
  assert.equal(sealAnswer(""), "");
});

test("every audio section is sealed, also one with bare line feeds or several payload types", () => {
  const section = lines("m=audio 9 UDP/TLS/RTP/SAVPF 9 10", "a=rtpmap:9 opus/48000/2", "a=rtpmap:10 OPUS/48000/2", "a=fmtp:10 usedtx=1");
  const sealed = sealAnswer(lines("v=0") + section + section.replaceAll("\r\n", "\n"));
  assert.equal(sealed.match(/cbr=1;usedtx=0/g)?.length, 4);
  assert(!sealed.includes("usedtx=1"));
});

test("no answer has pictures held back", () => {
  const uri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
  const others = ["a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", "a=rtcp-mux"];
  for (const line of [`a=extmap:5 ${uri}`, `a=extmap:5/recvonly ${uri}`, `a=extmap:14  ${uri} x=1`, `A=EXTMAP:5 ${uri}`]) {
    for (const end of ["\r\n", "\n"]) {
      const sdp = [...VIDEO, others[0], line, others[1], ""].join(end);
      assert.equal(sealAnswer(sdp), [...VIDEO, ...others, ""].join(end), line);
    }
  }
});
