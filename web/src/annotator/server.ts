/** What the annotator's pages ask the server, as plain functions: the model is tested with others in their place. */

import { api, ask } from "../api/client";
import type { Client, Me, Profile, StepRequest, StudyInfo, Trial } from "../api/schema.gen";
import { limited } from "./transport";

export interface Server {
  me(): Promise<Me>;
  study(): Promise<StudyInfo>;
  time(): Promise<number>;
  version(): Promise<string>;
  step(body: StepRequest): Promise<Me>;
  timezone(name: string): Promise<Me>;
  profile(body: Profile): Promise<void>;
  start(audioName: string, client: Client): Promise<Trial>;
  interrupt(trial: string, reason: string): Promise<void>;
}

export const server: Server = {
  me: () => ask(api.GET("/api/v1/me", limited())),
  study: () => ask(api.GET("/api/v1/study", limited())),
  time: async () => (await ask(api.GET("/api/v1/time", limited()))).server_time,
  version: async () => (await ask(api.GET("/api/v1/health", limited()))).version,
  step: (body) => ask(api.POST("/api/v1/me/steps", { body, ...limited() })),
  timezone: (timezone) => ask(api.PUT("/api/v1/me/timezone", { body: { timezone }, ...limited() })),
  profile: async (body) => {
    await ask(api.PUT("/api/v1/me/profile", { body, ...limited() }));
  },
  start: (audioName, client) =>
    ask(api.POST("/api/v1/trials", { body: { audio_name: audioName, client }, ...limited() })),
  interrupt: async (trial, reason) => {
    await ask(
      api.POST("/api/v1/trials/{trial_id}/interrupt", {
        params: { path: { trial_id: trial } },
        body: { reason },
        ...limited(),
      }),
    );
  },
};
