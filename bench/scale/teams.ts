/** What a team needs, on paper: measured figures times what is assumed of its people. */
import { markdownTable } from '../markdown.ts';
import { costs, memory, requestsPerMinute } from './costs.ts';

/** Measured; docs/scale.md says where. */
export const measured = {
  /** A default run of ten minutes with its measuring, on two cores (docs/benchmarks.md, "Gain"). */
  trainingMinutes: 17,
  /** An adapter as a file (`memory.adapter`), and what a run keeps beside it: two checkpoints with LionW's moment. */
  adapterBytes: memory.adapter,
  runBytes: memory.adapter * (1 + 2 * 2),
  baseBytes: 491e6,
  /** Characters of a prompt, which travel as JSON, and of an answer, as events. */
  promptBytes: 5e3,
  answerBytes: costs.answerTokens * 250,
} as const;

/** Assumed of a team. */
export const habits = {
  /** Adapters of each person: one. */
  adaptersPerPerson: 1,
  /** Each adapter is trained anew once a week. */
  trainingsPerWeek: 1,
  workingDays: 5,
  workingHours: 8,
  /** Share of the team that types at once in the busiest minutes, and over the day. */
  typingAtPeak: 0.1,
  typingInMean: 0.05,
  /** Versions of an adapter that are kept. */
  versions: 10,
  /** Servers that fetch a new version. */
  replicas: 2,
} as const;

export interface Needs {
  people: number;
  trainingsPerDay: number;
  /** Machines of two cores that train all day. */
  trainers: number;
  adapters: number;
  /** At the peak. */
  requestsPerSecond: number;
  /** Slots of two cores that compute at the peak. */
  slots: number;
  /** Bytes of adapters in all kept versions, and of the runs of a week. */
  adapterBytes: number;
  runBytes: number;
  /** Bytes that leave the servers for adapters, and for answers, in a day; and that come with prompts. */
  fetchedPerDay: number;
  answersPerDay: number;
  promptsPerDay: number;
}

/** Slots that a person who types keeps busy: as simulated with 50 people, each with a server of their own. */
export const BUSY_PER_PERSON = 0.52;

export function needsOf(people: number): Needs {
  const adapters = people * habits.adaptersPerPerson;
  const trainingsPerDay = (adapters * habits.trainingsPerWeek) / habits.workingDays;
  const perSecond = (share: number) => (share * people * requestsPerMinute()) / 60;
  const inDay = perSecond(habits.typingInMean) * 3600 * habits.workingHours;
  return {
    people,
    trainingsPerDay,
    trainers: (trainingsPerDay * measured.trainingMinutes) / (60 * habits.workingHours),
    adapters,
    requestsPerSecond: perSecond(habits.typingAtPeak),
    slots: people * habits.typingAtPeak * BUSY_PER_PERSON,
    adapterBytes: adapters * habits.versions * measured.adapterBytes,
    runBytes: trainingsPerDay * habits.workingDays * measured.runBytes,
    fetchedPerDay: trainingsPerDay * habits.replicas * measured.adapterBytes,
    answersPerDay: inDay * measured.answerBytes,
    promptsPerDay: inDay * measured.promptBytes,
  };
}

export const teamSizes = [10, 100, 1000] as const;

/** Lines of the table in docs/scale.md. */
export function teamTable(): string[] {
  const all = teamSizes.map(needsOf);
  const row = (title: string, of: (needs: Needs) => string) => [title, ...all.map(of)];
  return markdownTable(
    ['people', ...all.map(({ people }) => count(people))],
    [
      row('trainings a day', (n) => count(n.trainingsPerDay)),
      row('machines of 2 cores that train all day', (n) => count(n.trainers)),
      row('adapters', (n) => count(n.adapters)),
      row('requests a second at the peak', (n) => count(n.requestsPerSecond)),
      row('slots of 2 cores that are busy at the peak', (n) => count(n.slots)),
      row('storage: adapters, 10 versions of each', (n) => size(n.adapterBytes)),
      row('storage: runs of a week, with checkpoints', (n) => size(n.runBytes)),
      row('a day: new adapters to 2 servers each', (n) => size(n.fetchedPerDay)),
      row('a day: prompts to the servers', (n) => size(n.promptsPerDay)),
      row('a day: answers from the servers', (n) => size(n.answersPerDay)),
    ],
  );
}

/** Two digits that mean something, at least. */
const count = (value: number) =>
  (value >= 10 ? Math.round(value) : Number(value.toPrecision(2))).toLocaleString('en');

const size = (bytes: number) =>
  bytes >= 1e9
    ? `${Number((bytes / 1e9).toPrecision(2)).toLocaleString('en')} GB`
    : `${Number((bytes / 1e6).toPrecision(2)).toLocaleString('en')} MB`;
