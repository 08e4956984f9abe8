/**
 * Draws what moves on the dial: trail, point, intensity and time, on a canvas at the screen's own resolution.
 *
 * What stands still is SVG below it. One call a frame; nothing is allocated in it.
 */

import type { Point } from "../core/circle";
import type { DialSize } from "./geometry";
import type { Trail } from "./trail";

/** What is to be drawn. Times of performance.now(). */
export interface Scene {
  readonly point: Point;
  /** Whether the pointer itself is on the disc; else its last point is held, drawn hollow. */
  readonly inside: boolean;
  /** Share of the arc around the dial, 0 to 1, and whether it is the rest's. */
  readonly share: number;
  readonly resting: boolean;
  /** Whether the point is shown. */
  readonly live: boolean;
}

const SHADES = 12; // steps in which the trail fades

export class Painter {
  private readonly context: CanvasRenderingContext2D;
  private size: DialSize = { side: 0, radius: 0, rim: 0, text: 0, time: 0 };
  private ink = "";
  private accent = "";
  private card = "";
  private faint = "";

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("the browser draws no canvas");
    this.context = context;
    this.recolour();
  }

  /** Takes the colours of the page, which change with the system's light or dark. */
  recolour(): void {
    const style = getComputedStyle(this.canvas);
    this.ink = style.getPropertyValue("--ink").trim();
    this.accent = style.getPropertyValue("--accent").trim();
    this.card = style.getPropertyValue("--card").trim();
    this.faint = style.getPropertyValue("--edge").trim();
  }

  resize(size: DialSize, ratio: number): void {
    this.size = size;
    const pixels = Math.round(size.side * ratio);
    if (this.canvas.width !== pixels) {
      this.canvas.width = pixels;
      this.canvas.height = pixels;
    }
    const scale = pixels / size.side;
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.context.lineJoin = "round"; // and no round ends: where two shades of the trail meet they would show as dots
  }

  draw(scene: Scene, trail: Trail, time: number): void {
    const { context, size } = this;
    context.clearRect(0, 0, size.side, size.side);
    this.drawTime(scene);
    this.drawTrail(trail, time);
    if (scene.live && !Number.isNaN(scene.point.valence)) {
      this.drawDirection(scene);
      this.drawIntensity(scene);
      this.drawPoint(scene);
    }
    context.globalAlpha = 1;
  }

  private x(valence: number): number {
    return this.size.side / 2 + valence * this.size.radius;
  }

  private y(arousal: number): number {
    return this.size.side / 2 - arousal * this.size.radius;
  }

  private drawTime(scene: Scene): void {
    if (scene.share <= 0) return;
    const { context, size } = this;
    const middle = size.side / 2;
    context.globalAlpha = 1;
    context.lineWidth = 3;
    context.strokeStyle = scene.resting ? this.faint : this.accent;
    context.beginPath();
    context.arc(
      middle,
      middle,
      size.time,
      -Math.PI / 2,
      -Math.PI / 2 + 2 * Math.PI * Math.min(1, scene.share),
    );
    context.stroke();
  }

  /**
   * The trail in a few shades, each one path: a stroke for every segment would be ten times slower. Curves go through the
   * middles of the segments, so that a coarse mouse draws no corners.
   */
  private drawTrail(trail: Trail, time: number): void {
    const { context, size } = this;
    context.strokeStyle = this.ink;
    context.lineWidth = Math.max(2, size.radius * 0.012);
    let shade = -1;
    let lastX = 0;
    let lastY = 0;
    let middleX = 0;
    let middleY = 0;
    const first = trail.first(time);
    for (let number = first; number < trail.end; number += 1) {
      const slot = trail.slot(number);
      const x = this.x(trail.valence[slot] as number);
      const y = this.y(trail.arousal[slot] as number);
      if (number > first) {
        const next = Math.ceil(trail.freshness(number, time) * SHADES);
        if (next !== shade) {
          if (shade >= 0) context.stroke();
          shade = next;
          context.globalAlpha = 0.75 * (shade / SHADES) ** 1.5;
          context.beginPath();
          context.moveTo(middleX, middleY);
        }
        middleX = (lastX + x) / 2;
        middleY = (lastY + y) / 2;
        context.quadraticCurveTo(lastX, lastY, middleX, middleY);
      } else {
        middleX = x;
        middleY = y;
      }
      lastX = x;
      lastY = y;
    }
    if (shade >= 0) context.lineTo(lastX, lastY);
    if (shade >= 0) context.stroke();
  }

  /** A circle through the point around the centre, and the way out to it. */
  private drawIntensity(scene: Scene): void {
    const { context, size } = this;
    const middle = size.side / 2;
    const distance = Math.hypot(scene.point.valence, scene.point.arousal) * size.radius;
    context.globalAlpha = 0.5;
    context.strokeStyle = this.accent;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(middle, middle, distance, 0, 2 * Math.PI);
    context.moveTo(middle, middle);
    context.lineTo(this.x(scene.point.valence), this.y(scene.point.arousal));
    context.stroke();
  }

  /** The part of the rim in the point's direction: with the words it says which way, without them how strongly. */
  private drawDirection(scene: Scene): void {
    const { context, size } = this;
    const strength = Math.min(1, Math.hypot(scene.point.valence, scene.point.arousal));
    const angle = Math.atan2(-scene.point.arousal, scene.point.valence);
    const middle = size.side / 2;
    context.globalAlpha = 0.85 * strength;
    context.strokeStyle = this.accent;
    context.lineWidth = size.rim;
    context.beginPath();
    context.arc(middle, middle, size.radius + size.rim / 2, angle - 0.16, angle + 0.16);
    context.stroke();
  }

  private drawPoint(scene: Scene): void {
    const { context, size } = this;
    const radius = Math.max(8, size.radius * 0.036);
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(this.x(scene.point.valence), this.y(scene.point.arousal), radius, 0, 2 * Math.PI);
    context.fillStyle = scene.inside ? this.accent : this.card;
    context.fill();
    context.lineWidth = 3;
    context.strokeStyle = scene.inside ? this.card : this.accent;
    context.stroke();
  }
}
