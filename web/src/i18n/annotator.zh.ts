/** 标注页面的中文文本。 Chinese (Simplified) words of the annotator's pages. */

import type { AnnotatorWords } from "./annotator.en";

export const zh: AnnotatorWords = {
  seconds: (count) => `${count} 秒`,
  minutes: (count) => `${count} 分钟`,
  next: "继续",
  back: "返回",
  working: "请稍候…",
  tryAgain: "重试",
  failed: "操作未成功。",
  awayNow: "暂时无法连接服务器。数据不会丢失，请稍后再试。",

  consent: {
    title: "开始之前",
    lead: "诚邀您参加一项关于音乐所表达情绪的研究。请先阅读本页内容。",
    points: [
      [
        "您要做什么",
        "请戴上耳机聆听一些简短的音乐。播放过程中，在圆盘上移动一个点，标出音乐此刻表达的情绪。开始时有简短的训练和一组热身曲目，之后进入正式曲目。",
      ],
      [
        "需要多久",
        "每首曲目之后有短暂的休息，每天的聆听时间有上限。您可以自行决定何时继续，进度会为您保留。",
      ],
      [
        "记录哪些内容",
        "我们记录点的移动轨迹、聆听时间，以及浏览器和输入设备的技术信息，并以化名保存。不会使用麦克风或摄像头录制任何内容。",
      ],
      [
        "数据如何使用",
        "轨迹可能以化名作为研究数据发表。您填写的个人情况与轨迹分开保存，绝不会随轨迹一同发表。",
      ],
      [
        "自愿参加",
        "参加完全自愿。您可以随时退出，无需说明理由。如有疑问，或希望删除您的数据，请联系发送链接给您的人。",
      ],
    ],
    agree: "我已阅读以上内容，同意参加。",
    needed: "如果同意，请勾选此项；如果不同意，直接关闭页面即可。",
    go: "同意并继续",
  },

  profile: {
    title: "关于您",
    lead: "以下内容均为选填，与您的标注分开保存，仅用于描述参与者的整体情况。",
    age: "年龄",
    ages: {
      under_18: "18 岁以下",
      "18_24": "18–24 岁",
      "25_34": "25–34 岁",
      "35_44": "35–44 岁",
      "45_54": "45–54 岁",
      "55_64": "55–64 岁",
      "65_plus": "65 岁及以上",
    },
    gender: "性别",
    genders: { woman: "女", man: "男", non_binary: "非二元性别", other: "其他" },
    unsaid: "不愿透露",
    training: "音乐学习年数",
    trainingHint: "课程、专业学习或乐团经历合计；没有请填 0。",
    trainingWrong: "请填写 0 到 100 之间的数字，或留空。",
    instruments: "您演奏的乐器（或声乐）",
    instrumentsHint: "多项请用逗号分隔。",
    instrumentsWrong: "最多 20 项，每项不超过 40 个字符。",
    save: "保存并继续",
    skip: "跳过",
  },

  instructions: {
    title: "操作说明",
    perceivedTitle: "标注音乐表达的情绪，而不是您自己的感受",
    perceived:
      "请标出音乐本身所表达的情绪。一首悲伤的曲子也许会让您感到惬意，这时仍请指向“悲伤”。答案没有对错，重要的是您对音乐的理解。",
    discTitle: "一个圆盘",
    disc: "越靠右，情绪越积极；越靠左，越消极。越靠上，能量越高；越靠下，能量越低。离圆心越远，情绪越强烈；圆心表示中性。圆周上的词语可作为参照。",
    traceTitle: "从头到尾跟随音乐",
    trace:
      "情绪变化时移动点，情绪不变时保持不动。曲目不能暂停，也不能重听。如果中途停止，该曲目稍后会从头重新播放。",
    handsTitle: "操作方式任选",
    hands:
      "鼠标或手写笔：在圆盘上移动即可。手指：在圆盘上滑动。键盘：方向键或 W、A、S、D，按住 Shift 可微调。手柄：摇杆的位置就是点的位置。",
    tryIt: "请在这里试一试，本页不做任何记录。",
    go: "我明白了",
  },

  volume: {
    title: "耳机与音量",
    lead: "请在安静的环境中佩戴耳机。播放测试音，将设备音量调到舒适的程度。测试音与音乐的响度相同，之后请不要再改变音量。",
    play: "播放测试音",
    stop: "停止播放",
    left: "左声道",
    both: "双声道",
    right: "右声道",
    sides: "播放声道",
    sidesHint: "左声道的声音是从左边传来的吗？",
    heard: "我已戴好耳机，声音清晰。",
    needed: "请先播放一次测试音，再勾选此项。",
    silent: "浏览器不允许播放声音。请检查本页面的声音设置后重试。",
    go: "继续",
  },

  trainingDone: {
    title: "完成得很好",
    text: "您已经熟悉了圆盘的各个方位。接下来是一组没有标记的曲目，让我们了解您使用圆盘的习惯。只需跟随音乐即可。",
    go: "继续",
  },
  retrain: {
    title: "放松一下，再来一次",
    text: "上一组的标注还不够一致，暂时不能进入下一阶段。这很常见，找到自己的尺度需要一点时间。我们会再次播放示例，然后是一组新的曲目。请仔细跟随每一首曲目，充分利用整个圆盘，并保持前后一致的标注方式。",
    go: "再听一遍示例",
  },
  passed: "您已经掌握了标注方法。接下来是正式曲目。",

  stage: {
    lists: { training: "示例", calibration: "热身", work: "曲目" },
    of: (number, total) => `${number} / ${total}`,
    remember: "请标出音乐表达的情绪，而不是您自己的感受。",
    example: (place) => `这个示例的情绪${place}。请把点移到标记处，边听边停留在那里。`,
    next: "准备好后即可开始。",
    start: "开始",
    starting: "正在开始…",
    loading: "正在加载音乐…",
    loadFailed: "音乐加载失败。",
    rest: "休息",
    restText: "让上一首曲目的印象慢慢淡去。倒计时结束后即可开始下一首。",
    ready: "休息结束。",
    saving: "正在保存…",
    waiting: "曲目已听完。数据保存在此浏览器中，连上服务器后会立即发送。",
    left: (clock) => `剩余 ${clock}`,
    breakOff: "中途停止",
    keys: "方向键或 W A S D 移动 · Shift 微调 · Esc 中途停止",
    fingers: "用手指在圆盘上滑动；抬起手指后，点会停在最后的位置。",
    startFingers: "轻触即可开始。",
    startKeys: "按空格键、回车键或手柄按键开始",
    today: "今日",
    todayOf: (listened, cap) => `${listened} / ${cap} 分钟`,
    startFailed: "曲目未能开始，请重试。",
    disc: "情绪圆盘",
    discHelp: "左侧消极，右侧积极；上方能量高，下方能量低。播放音乐时，用方向键移动点。",
    point: (term, strength) => `${strength}${term}`,
    neutral: "中性",
    strengths: ["略微", "明显", "强烈"],
  },

  axes: { negative: "消极", positive: "积极", high: "能量高", low: "能量低" },
  places: {
    positive: "积极",
    negative: "消极",
    high: "能量高",
    low: "能量低",
    and: (one, other) => `${one}、${other}`,
    neutral: "接近中性",
  },
  terms: {
    happy: "快乐",
    delighted: "欣喜",
    excited: "兴奋",
    tense: "紧张",
    angry: "愤怒",
    frustrated: "挫败",
    sad: "悲伤",
    depressed: "抑郁",
    tired: "疲倦",
    calm: "平静",
    relaxed: "放松",
    content: "满足",
  },

  breakOff: {
    title: "要中途停止这首曲目吗？",
    text: "在您决定期间音乐会继续播放。如果停止，已做的标注会保留但不计入结果；休息之后，该曲目将从头重新播放。",
    stay: "继续聆听",
    go: "停止",
  },
  broken: {
    annotator: "曲目已停止。休息之后将从头重新播放。",
    hidden: "页面离开了视线，曲目因此停止。休息之后将从头重新播放。",
    stalled: "声音中断，曲目因此停止。休息之后将从头重新播放。",
    left: "页面在播放过程中被关闭。休息之后，该曲目将从头重新播放。",
    notCounted: "服务器未能计入这首曲目，将从头重新播放。",
  },

  save: {
    saved: "已保存",
    saving: "正在保存…",
    offline: (count) => `离线：数据保存在本机，${count} 批待发送`,
    signedOut: (count) => `已退出登录：数据保存在本机，${count} 批待发送`,
    notDurable: "此浏览器无法保存数据：在显示“已保存”之前，请不要关闭本页面。",
    refused: (count) => `服务器拒收了 ${count} 批数据，它们仍保留在此浏览器中。请告知研究负责人。`,
    retry: "立即发送",
  },

  link: {
    title: "请重新打开您的链接",
    text: "此浏览器已退出登录。请在此浏览器中重新打开您的个人链接，或将其粘贴到下方，即可从中断处继续。",
    kept: (count) => `此浏览器中保存着 ${count} 批数据，届时会自动发送，不会丢失。`,
    field: "您的链接",
    wrong: "这不是本研究的链接。",
    go: "继续",
  },

  tab: {
    title: "本研究已在另一个标签页中打开",
    text: "同一时间只能有一个标签页进行记录。请在另一个标签页中继续，或改用当前标签页。",
    playing: "另一个标签页正在播放曲目。请等待播放结束，或在那里中途停止。",
    take: "使用此标签页",
  },
  elsewhere: {
    title: "有一首曲目正在别处播放",
    text: "另一个浏览器或设备上开始了一首曲目，尚未结束。如果那里已无人聆听，可以在此继续，该曲目将从头重新播放。",
    go: "在此继续",
  },

  judgement: { title: "请稍候", text: "正在核对您的标注，只需几秒钟。" },
  done: {
    title: "今天到此为止",
    text: (clock) => `今天的聆听时间已达上限。下一首曲目从${clock}起可以开始。`,
    tomorrow: "届时重新打开您的链接即可，进度会为您保留。",
  },
  finished: {
    title: "全部曲目已听完",
    text: "所有曲目均已完成并保存。感谢您的时间与用心。您可以关闭本页面。",
  },
  paused: {
    title: "您的研究已暂停",
    text: "研究负责人已收到通知，会与您联系。您完成的全部内容均已保存。",
    reason: (reason) => `原因：${reason}`,
    calibration: "热身曲目的标注还不够一致。",
  },
  dropped: {
    title: "您的参与已结束",
    text: "您完成的全部内容均已保存，感谢您的参与。如果这出乎您的意料，请联系发送链接给您的人。",
  },

  said: {
    started: (clock) => `音乐已开始，时长 ${clock}。`,
    ended: "曲目已结束。",
    rest: (count) => `休息 ${count} 秒。`,
    ready: "可以开始下一首曲目。",
    offline: "连接已断开，所有数据都保存在此浏览器中。",
    online: "连接已恢复，全部内容已保存。",
  },
};
