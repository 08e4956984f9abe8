/**
 * A soft chord as loud as the music, for setting the volume: made here, so that it needs no download.
 *
 * The tracks of a study lie at -23 LUFS. At these pitches the K-weighting of ITU-R BS.1770 is about flat, so for a sound
 * that is alike on both sides loudness = -0.69 + 3.01 + L, L being the level of one side: L = -25.3 dB.
 */

export type Side = "left" | "both" | "right";

const LEVEL_DB = -25.3;
const PITCHES = [220, 277.18, 329.63, 440]; // A major: within the range where the weighting is flat
const SWELL_S = 0.6;

export class TestSound {
  private readonly volume: GainNode;
  private readonly left: GainNode;
  private readonly right: GainNode;
  private readonly voices: OscillatorNode[];

  constructor(private readonly context: BaseAudioContext) {
    this.volume = new GainNode(context, { gain: 0 });
    this.left = new GainNode(context, { gain: 1 });
    this.right = new GainNode(context, { gain: 1 });
    const sides = new ChannelMergerNode(context, { numberOfInputs: 2 });
    this.volume.connect(this.left).connect(sides, 0, 0);
    this.volume.connect(this.right).connect(sides, 0, 1);
    sides.connect(context.destination);
    this.voices = PITCHES.map((frequency) => {
      const voice = new OscillatorNode(context, { frequency, type: "sine" });
      voice.connect(this.volume);
      voice.start();
      return voice;
    });
    // A sine of amplitude a has the power a²/2; the voices add up in power.
    const gain = Math.sqrt((2 * 10 ** (LEVEL_DB / 10)) / PITCHES.length);
    this.volume.gain.linearRampToValueAtTime(gain, context.currentTime + SWELL_S);
  }

  /** On which side it is heard. */
  turn(side: Side): void {
    const soon = this.context.currentTime + 0.05;
    this.left.gain.linearRampToValueAtTime(side === "right" ? 0 : 1, soon);
    this.right.gain.linearRampToValueAtTime(side === "left" ? 0 : 1, soon);
  }

  stop(): void {
    const now = this.context.currentTime;
    this.volume.gain.cancelScheduledValues(now);
    this.volume.gain.setTargetAtTime(0, now, 0.05);
    for (const voice of this.voices) voice.stop(now + 0.4);
  }
}
