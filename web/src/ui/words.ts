import { phrases } from "../i18n";

const en = {
  language: "Language",
  close: "Close",
  cancel: "Cancel",
  copy: "Copy",
  copied: "Copied",
  retry: "Try again",
  loading: "Loading…",
  noSession: "Please open the link you were given",
  noSessionText:
    "This study is entered by a personal link. Open it again in this browser, or ask the person who runs the study for a new one.",
  badLink: "This link is no longer valid",
  badLinkText:
    "It may have been replaced by a newer one. Please ask the person who runs the study for a new link.",
  away: "The server cannot be reached",
  awayText: "Please check the connection. Nothing that you have done is lost.",
  busy: "Too many attempts just now. Please wait a minute and try again.",
};

const zh: typeof en = {
  language: "语言",
  close: "关闭",
  cancel: "取消",
  copy: "复制",
  copied: "已复制",
  retry: "重试",
  loading: "正在加载…",
  noSession: "请打开您收到的链接",
  noSessionText: "本研究需通过个人链接进入。请在此浏览器中重新打开该链接，或向研究负责人索取新的链接。",
  badLink: "此链接已失效",
  badLinkText: "它可能已被新的链接取代。请向研究负责人索取新的链接。",
  away: "无法连接服务器",
  awayText: "请检查网络连接。您已完成的内容不会丢失。",
  busy: "尝试次数过多，请稍等一分钟后再试。",
};

export const words = phrases({ en, zh });
