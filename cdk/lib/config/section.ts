/**
 * Reads a YAML tree field by field. Every mistake is noted with its key, what is wrong and what to write instead, and
 * reading goes on, so that one run shows all of them. What nobody asked for is an unknown key.
 */

export interface Mistake {
  readonly key: string;
  readonly problem: string;
  readonly fix: string;
}

/** All mistakes of a document. */
export class ConfigError extends Error {
  constructor(readonly source: string, readonly mistakes: readonly Mistake[]) {
    super(mistakes.map((m) => `${source}: ${m.key}: ${m.problem}; ${m.fix}`).join('\n'));
    this.name = 'ConfigError';
  }
}

/** What is shared by all sections of one document. */
export interface Reading {
  readonly mistakes: Mistake[];
  /** Every key that was asked for, names in maps as `*`: what the reference must describe. */
  readonly known: Set<string>;
}

export type Check<T> = (value: T) => string | undefined;

interface Field<T> {
  readonly fallback?: T;
  /** Says what is wrong with a value, or nothing. */
  readonly check?: Check<T>;
  /** What to write, shown with every mistake of the field. */
  readonly fix: string;
}

const show = (value: unknown) => JSON.stringify(value) ?? String(value);

export class Section {
  private readonly asked = new Set<string>();
  private readonly entries: Record<string, unknown>;

  constructor(
    value: unknown,
    private readonly path: string,
    private readonly pattern: string,
    private readonly reading: Reading,
  ) {
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isMap && value !== undefined && value !== null) {
      this.note('', `is ${kind(value)}, not a map`, 'write its keys indented below it');
    }
    this.entries = isMap ? (value as Record<string, unknown>) : {};
  }

  has(key: string): boolean {
    return this.entries[key] !== undefined && this.entries[key] !== null;
  }

  /** Notes a mistake of one key, or of the section as a whole where the key is empty. */
  note(key: string, problem: string, fix: string): void {
    this.reading.mistakes.push({ key: join(this.path, key) || 'document', problem, fix });
  }

  text(key: string, field: Field<string>): string {
    return this.optionalText(key, field) ?? this.missing(key, field, '');
  }

  optionalText(key: string, field: Field<string>): string | undefined {
    return this.scalar(key, 'string', 'text', field);
  }

  number(key: string, field: Field<number>): number {
    return this.optionalNumber(key, field) ?? this.missing(key, field, Number.NaN);
  }

  optionalNumber(key: string, field: Field<number>): number | undefined {
    return this.scalar(key, 'number', 'a number', field);
  }

  flag(key: string, field: Field<boolean> & { fallback: boolean }): boolean {
    return this.scalar(key, 'boolean', 'true or false', field) ?? field.fallback;
  }

  optionalFlag(key: string, field: Field<boolean>): boolean | undefined {
    return this.scalar(key, 'boolean', 'true or false', field);
  }

  word<W extends string>(key: string, words: readonly W[], fallback: W): W {
    const fix = `write ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
    const check = (value: string) =>
      words.includes(value as W) ? undefined : `is none of them${meant(value, words)}`;
    return (this.optionalText(key, { fallback, check, fix }) ?? fallback) as W;
  }

  texts(key: string, field: Omit<Field<string>, 'fallback'>): string[] {
    return this.items(key, field.fix).flatMap(([index, item]) => {
      const at = `${key}[${index}]`;
      if (typeof item !== 'string') {
        this.note(at, `${show(item)} is ${kind(item)}, not text`, field.fix);
        return [];
      }
      const problem = field.check?.(item);
      if (problem) this.note(at, `${show(item)} ${problem}`, field.fix);
      return problem ? [] : [item];
    });
  }

  section(key: string): Section {
    return new Section(this.take(key), join(this.path, key), join(this.pattern, key), this.reading);
  }

  /** A list of maps. */
  sections(key: string, fix: string): Section[] {
    const pattern = `${join(this.pattern, key)}[]`;
    return this.items(key, fix).map(
      ([index, item]) => new Section(item, `${join(this.path, key)}[${index}]`, pattern, this.reading),
    );
  }

  /** A map whose keys are names that the user chose. */
  named(key: string, checkName: Check<string>, fix: string): Map<string, Section> {
    const value = this.take(key);
    const named = new Map<string, Section>();
    if (value === undefined || value === null) return named;
    const outer = new Section(value, join(this.path, key), join(this.pattern, key), this.reading);
    for (const [name, inner] of Object.entries(outer.entries)) {
      const problem = checkName(name);
      if (problem) outer.note(name, problem, fix);
      else named.set(name, new Section(inner, join(outer.path, name), `${outer.pattern}.*`, this.reading));
    }
    return named;
  }

  /** A map from free keys to scalars. */
  scalars(key: string, fix: string): Record<string, string> {
    const outer = this.section(key);
    const scalars: Record<string, string> = {};
    for (const [name, value] of Object.entries(outer.entries)) {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
        scalars[name] = String(value);
      } else {
        outer.note(name, `is ${kind(value)}, not a single value`, fix);
      }
    }
    return scalars;
  }

  /** Every key that was not asked for is a mistake. */
  finish(): void {
    for (const key of Object.keys(this.entries)) {
      if (this.asked.has(key)) continue;
      const near = meant(key, [...this.asked]);
      this.note(key, `is not a known key${near}`, near ? 'mend it' : `write one of ${[...this.asked].join(', ')}`);
    }
  }

  private scalar<T>(key: string, type: string, what: string, field: Field<T>): T | undefined {
    const value = this.take(key);
    if (value === undefined || value === null) return field.fallback;
    const problem = typeof value === type ? field.check?.(value as T) : `is ${kind(value)}, not ${what}`;
    if (!problem) return value as T;
    this.note(key, `${show(value)} ${problem}`, field.fix);
    // A value that is there and wrong is not missing too: the reader goes on with anything of its type.
    return field.fallback ?? ((type === 'number' ? Number.NaN : type === 'boolean' ? false : '') as T);
  }

  private missing<T>(key: string, field: Field<T>, anything: T): T {
    this.note(key, 'is missing', field.fix);
    return anything;
  }

  private items(key: string, fix: string): [number, unknown][] {
    const value = this.take(key);
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.map((item, index) => [index, item]);
    this.note(key, `${show(value)} is ${kind(value)}, not a list`, fix);
    return [];
  }

  private take(key: string): unknown {
    this.asked.add(key);
    this.reading.known.add(join(this.pattern, key));
    return this.entries[key];
  }
}

const join = (path: string, key: string) => (path && key ? `${path}.${key}` : path || key);

function kind(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'empty';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : 'true or false';
}

/** The nearest known name, in words; nothing where none is near. */
function meant(given: string, known: readonly string[]): string {
  const ranked = known
    .map((name) => ({ name, edits: edits(given.toLowerCase(), name) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(2, Math.floor(best.name.length / 3)) ? `, did you mean ${best.name}?` : '';
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
