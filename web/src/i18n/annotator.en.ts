/** English words of the annotator's pages. */

const seconds = (count: number) => (count === 1 ? "1 second" : `${count} seconds`);
const minutes = (count: number) => (count === 1 ? "1 minute" : `${count} minutes`);

export const en = {
  seconds,
  minutes,
  next: "Continue",
  back: "Back",
  working: "One moment…",
  tryAgain: "Try again",
  failed: "That did not work.",
  awayNow: "The server cannot be reached just now. Nothing is lost; please try again in a moment.",

  consent: {
    title: "Before you begin",
    lead: "You are invited to take part in a study of the emotions that music conveys. Please read this page first.",
    points: [
      [
        "What you will do",
        "You listen to short pieces of music with headphones and, while each one plays, move a point on a disc to show which emotion the music conveys. There is a short training and a set of pieces to get settled, then the pieces of the study.",
      ],
      [
        "How long",
        "There is a short rest after each piece and a limit on listening per day. You choose when to come back; your place is kept.",
      ],
      [
        "What is recorded",
        "The path of your point, when you listened, and technical details of your browser and input device. It is kept under a pseudonym. Nothing is recorded from a microphone or camera.",
      ],
      [
        "What becomes of it",
        "The paths may be published as research data under the pseudonym. What you tell about yourself is kept apart from them and is never published with them.",
      ],
      [
        "Your choice",
        "Taking part is voluntary. You may stop at any time and need not say why. If you have questions, or want your data removed, write to the person who sent you the link.",
      ],
    ],
    agree: "I have read this and agree to take part.",
    needed: "Please tick the box if you agree. If you do not, simply close this page.",
    go: "Agree and continue",
  },

  profile: {
    title: "About you",
    lead: "All of this is optional. It is kept apart from your annotations and helps to describe the group as a whole.",
    age: "Age",
    ages: {
      under_18: "under 18",
      "18_24": "18–24",
      "25_34": "25–34",
      "35_44": "35–44",
      "45_54": "45–54",
      "55_64": "55–64",
      "65_plus": "65 or older",
    },
    gender: "Gender",
    genders: { woman: "Woman", man: "Man", non_binary: "Non-binary", other: "Another" },
    unsaid: "Prefer not to say",
    training: "Years of musical training",
    trainingHint: "Lessons, a course of study or an ensemble, all together; 0 for none.",
    trainingWrong: "Please give a number from 0 to 100, or leave it empty.",
    instruments: "Instruments you play, or voice",
    instrumentsHint: "Separate several with commas.",
    instrumentsWrong: "Up to 20 instruments, each with 40 characters at most.",
    save: "Save and continue",
    skip: "Skip",
  },

  instructions: {
    title: "How it works",
    perceivedTitle: "What the music conveys, not what you feel",
    perceived:
      "Show the emotion that the music expresses. A sad piece may leave you quite content: then point to sad. There are no right or wrong answers; it is your reading of the music that counts.",
    discTitle: "One disc",
    disc: "To the right the emotion is positive, to the left negative. Upwards there is more energy, downwards less. The further out, the more intense; the centre is neutral. The words around the rim are landmarks.",
    traceTitle: "Follow the music from start to end",
    trace:
      "Move the point whenever the emotion changes, and keep it still while it stays. A piece cannot be paused or played again. If you break one off, it is played again from its start later.",
    handsTitle: "Use what you like",
    hands:
      "Mouse or pen: just move it over the disc. Finger: draw on the disc. Keyboard: arrow keys or W, A, S, D, with Shift for small steps. Gamepad: the stick is the point.",
    tryIt: "Try it here. Nothing is recorded on this page.",
    go: "I understand",
  },

  volume: {
    title: "Headphones and volume",
    lead: "Please use headphones in a quiet place. Play the sound and set the volume of your device so that it is comfortable. It is as loud as the music will be; please leave the volume as it is afterwards.",
    play: "Play the sound",
    stop: "Stop the sound",
    left: "Left",
    both: "Both sides",
    right: "Right",
    sides: "Listen on",
    sidesHint: "Does the left sound come from the left?",
    heard: "I hear it well and have my headphones on.",
    needed: "Please play the sound once and tick the box.",
    silent:
      "The browser does not let the sound play. Please check the sound settings of this page and try again.",
    go: "Continue",
  },

  trainingDone: {
    title: "Well done",
    text: "You know the corners of the disc now. Next come pieces without marks, so that we can tune in to how you use the disc. Just follow the music.",
    go: "Continue",
  },
  retrain: {
    title: "Once more, with fresh ears",
    text: "Your answers in the last set were not consistent enough to go on yet. That happens: it takes a while to find one's own measure. We play the examples again, and then a set of new pieces. Follow each piece closely, use the whole disc, and stay with the way you use it.",
    go: "Hear the examples again",
  },
  passed: "You are well tuned in. From now on it is the pieces of the study.",

  stage: {
    lists: { training: "Example", calibration: "Tuning in", work: "Piece" },
    of: (number: number, total: number) => `${number} of ${total}`,
    remember: "Show the emotion the music conveys, not the one you feel.",
    example: (place: string) =>
      `This example is ${place}. Move to the mark and stay with it while you listen.`,
    next: "Ready when you are.",
    start: "Start",
    starting: "Starting…",
    loading: "Loading the music…",
    loadFailed: "The music could not be loaded.",
    rest: "Rest",
    restText: "Let the last piece fade. The next one can be started when the count is over.",
    ready: "The rest is over.",
    saving: "Saving…",
    waiting: "Heard to the end. It is kept here and will be sent as soon as the server can be reached.",
    left: (clock: string) => `${clock} left`,
    breakOff: "Break off",
    keys: "Arrow keys or W A S D move the point · Shift: small steps · Esc: break off",
    fingers: "Draw on the disc with your finger; lift it and the last place is held.",
    startFingers: "Tap to start.",
    startKeys: "Space or Enter starts · or the button of a gamepad",
    today: "Today",
    todayOf: (listened: number, cap: number) => `${listened} of ${cap} min`,
    startFailed: "The piece could not be started. Please try again.",
    disc: "Disc of emotions",
    discHelp:
      "Valence from negative on the left to positive on the right, energy from low at the bottom to high at the top. Move the point with the arrow keys while the music plays.",
    point: (term: string, strength: string) => `${strength} ${term}`,
    neutral: "neutral",
    strengths: ["slightly", "clearly", "strongly"],
  },

  axes: { negative: "negative", positive: "positive", high: "high energy", low: "low energy" },
  places: {
    positive: "positive",
    negative: "negative",
    high: "high in energy",
    low: "low in energy",
    and: (one: string, other: string) => `${one} and ${other}`,
    neutral: "near neutral",
  },
  terms: {
    happy: "happy",
    delighted: "delighted",
    excited: "excited",
    tense: "tense",
    angry: "angry",
    frustrated: "frustrated",
    sad: "sad",
    depressed: "depressed",
    tired: "tired",
    calm: "calm",
    relaxed: "relaxed",
    content: "content",
  } as Record<string, string>,

  breakOff: {
    title: "Break this piece off?",
    text: "The music goes on while you decide. If you break it off, what you did so far is kept but does not count, and the piece is played again from its start after the rest.",
    stay: "Keep listening",
    go: "Break off",
  },
  broken: {
    annotator: "The piece was broken off. It is played again from its start after the rest.",
    hidden:
      "The page was out of sight, so the piece was broken off. It is played again from its start after the rest.",
    stalled:
      "The sound stopped, so the piece was broken off. It is played again from its start after the rest.",
    left: "The page was closed during a piece. It is played again from its start after the rest.",
    notCounted: "The server could not count this piece. It is played again from its start.",
  },

  save: {
    saved: "Saved",
    saving: "Saving…",
    offline: (count: number) => `Offline: kept here, ${count === 1 ? "1 batch" : `${count} batches`} waiting`,
    signedOut: (count: number) =>
      `Signed out: kept here, ${count === 1 ? "1 batch" : `${count} batches`} waiting`,
    notDurable: "This browser keeps nothing: please do not close this page before it says “Saved”.",
    refused: (count: number) =>
      `${count === 1 ? "1 batch was" : `${count} batches were`} refused by the server and set aside in this browser. Please tell the person who runs the study.`,
    retry: "Send now",
  },

  link: {
    title: "Please open your link again",
    text: "This browser is signed out. Open your personal link in this browser, or paste it here; you go on where you were.",
    kept: (count: number) =>
      `${count === 1 ? "1 batch is" : `${count} batches are`} kept in this browser and will be sent then. Nothing is lost.`,
    field: "Your link",
    wrong: "This is not a link to this study.",
    go: "Go on",
  },

  tab: {
    title: "This study is open in another tab",
    text: "Only one tab at a time can record. Go on in the other one, or use this one instead.",
    playing: "A piece is playing in the other tab. Please let it end, or break it off there.",
    take: "Use this tab",
  },
  elsewhere: {
    title: "A piece is being played elsewhere",
    text: "A piece was started in another browser or on another device and has not ended. If nobody is listening there any more, go on here: the piece is then played again from its start.",
    go: "Go on here",
  },

  judgement: {
    title: "One moment",
    text: "Your answers are being looked at. This takes only a few seconds.",
  },
  done: {
    title: "That is all for today",
    text: (clock: string) =>
      `You have listened as much as a day allows. The next piece is ready from ${clock}.`,
    tomorrow: "Simply open your link again then. Your place is kept.",
  },
  finished: {
    title: "You have heard everything",
    text: "Every piece is done and saved. Thank you for your time and your care. You can close this page.",
  },
  paused: {
    title: "Your study is paused",
    text: "The person who runs the study has been told and will get in touch with you. Everything you did is saved.",
    reason: (reason: string) => `Reason: ${reason}`,
    calibration: "Your answers in the tuning-in sets were not consistent enough yet.",
  },
  dropped: {
    title: "Your part in the study has ended",
    text: "Everything you did is saved. Thank you for taking part. If this comes unexpectedly, write to the person who sent you the link.",
  },

  said: {
    started: (clock: string) => `The music has started. It lasts ${clock}.`,
    ended: "The piece has ended.",
    rest: (count: number) => `Rest for ${seconds(count)}.`,
    ready: "The next piece can be started.",
    offline: "The connection is lost. Everything is kept in this browser.",
    online: "The connection is back. Everything is saved.",
  },
};

/** All words of the annotator's pages: every language has each of them. */
export type AnnotatorWords = typeof en;
