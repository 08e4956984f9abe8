import "./ui/style.css";
import { render } from "preact";
import { App } from "./app/app";
import { route } from "./app/route";
import { enter } from "./app/session";

const place = document.getElementById("app");
if (place) render(<App />, place);
void enter();
// A second link opened in the same tab changes only the fragment: no load, so it is noticed here.
route.subscribe(([first, token]) => {
  if (first === "enter" && token) void enter();
});
