// A client for tests of the media path: it speaks the signalling protocol and sends plain media. No transform, no keys: the real page
// has no way to do this.
const SLOT_PAIRS = 4;

class Client {
  constructor() {
    this.next = 1;
    this.waiting = new Map();
    this.events = [];
    this.slots = [];
  }

  async connect(url) {
    this.ws = new WebSocket(url, "sfu.0");
    this.ws.binaryType = "arraybuffer";
    this.ws.onmessage = ({ data }) => typeof data === "string" && this.receive(JSON.parse(data));
    await new Promise((resolve, reject) => {
      this.ws.onopen = resolve;
      this.ws.onerror = () => reject(new Error("no WebSocket"));
    });
    return this.request({ type: "hello", versions: [0] });
  }

  receive(message) {
    if (this.waiting.has(message.id)) {
      const { resolve, reject } = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.type === "error") reject(new Error(`${message.code}: ${message.message}`));
      else resolve(message);
    } else {
      this.events.push(message);
    }
  }

  request(fields) {
    const id = this.next++;
    this.ws.send(JSON.stringify({ v: 0, id, ...fields }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  async join(url, room, { simulcast = false, width = 640, height = 360 } = {}) {
    await this.connect(url);
    const joined = await this.request({ type: "join", room });
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height } });
    const layers = [
      { rid: "q", scaleResolutionDownBy: 4 },
      { rid: "h", scaleResolutionDownBy: 2 },
      { rid: "f", scaleResolutionDownBy: 1 },
    ];
    this.pc.addTransceiver(stream.getAudioTracks()[0], { direction: "sendonly" });
    this.pc.addTransceiver(stream.getVideoTracks()[0], {
      direction: "sendonly",
      sendEncodings: simulcast ? layers : undefined,
    });
    for (let i = 0; i < SLOT_PAIRS; i++) {
      for (const kind of ["video", "audio"]) this.addSlot(kind);
    }
    await this.negotiate();
    return joined.participant;
  }

  addSlot(kind) {
    const transceiver = this.pc.addTransceiver(kind, { direction: "recvonly" });
    const element = document.createElement(kind);
    element.autoplay = true;
    element.muted = true;
    element.srcObject = new MediaStream([transceiver.receiver.track]);
    document.body.append(element);
    this.slots.push({ kind, transceiver, element });
  }

  async negotiate(options) {
    await this.pc.setLocalDescription(await this.pc.createOffer(options));
    const { sdp } = await this.request({ type: "offer", sdp: this.pc.localDescription.sdp });
    await this.pc.setRemoteDescription({ type: "answer", sdp });
  }

  // What has come in by each slot, as counters that only grow.
  async received() {
    const slots = [];
    for (const [slot, { kind, transceiver }] of this.slots.entries()) {
      const stats = [...(await transceiver.receiver.getStats()).values()].find((s) => s.type === "inbound-rtp");
      slots.push({
        slot,
        kind,
        packets: stats?.packetsReceived ?? 0,
        frames: stats?.framesDecoded ?? 0,
        samples: stats?.totalSamplesReceived ?? 0,
        energy: stats?.totalAudioEnergy ?? 0,
        lost: stats?.packetsLost ?? 0,
      });
    }
    return slots;
  }

  // The candidate pair that media takes: {local, remote}, each {address, port, protocol}.
  async path() {
    const stats = await this.pc.getStats();
    const all = [...stats.values()];
    // Firefox has no "transport" there.
    const chosen = all.find((s) => s.type === "transport")?.selectedCandidatePairId ?? all.find((s) => s.selected)?.id;
    const pair = stats.get(chosen);
    const end = ({ address, port, protocol }) => ({ address, port, protocol });
    return pair && { local: end(stats.get(pair.localCandidateId)), remote: end(stats.get(pair.remoteCandidateId)) };
  }

  // Another network: new credentials and candidates, the same media.
  async restart() {
    this.pc.restartIce();
    await this.negotiate();
  }

  // Who is in which slot, as the server has last said.
  contents() {
    const contents = {};
    for (const event of this.events.filter(({ type }) => type === "slots")) {
      for (const { slot, participant } of event.slots) contents[slot] = participant;
    }
    return contents;
  }

  async leave() {
    await this.request({ type: "leave" });
    this.pc.close();
  }
}

globalThis.client = new Client();
globalThis.ready = true;
