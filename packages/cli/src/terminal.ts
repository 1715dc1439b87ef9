import { stripVTControlCharacters, styleText } from 'node:util'

/** The two channels of a command: stdout is data, stderr is talk. */
export interface Terminal {
  /** True when a person sits at both ends, so that questions make sense. */
  readonly interactive: boolean
  readonly width: number
  /** A line of talk, on stderr. */
  say(line: string): void
  /** Data, on stdout, as it is. */
  data(text: string): void
  /** One JSON document on stdout. */
  json(value: unknown): void
  paint(style: TextStyle, text: string): string
}

/** Styles in use; all vanish under NO_COLOR or when stderr is no terminal. */
export type TextStyle = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** A stream that is written to. It tells of a reader that has gone (EPIPE) by an event, which ends the process when nobody listens. */
interface Sink {
  write(text: string): unknown
  on?(event: 'error', listener: (error: Error) => void): unknown
}

/** Where a terminal writes. */
export interface TerminalStreams {
  readonly stdin: { readonly isTTY?: boolean }
  readonly stdout: Sink
  readonly stderr: Sink & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: NodeJS.ProcessEnv
}

/** A terminal over the process's streams. `noInput` forbids questions. */
export function createTerminal(streams: TerminalStreams, noInput = false): Terminal {
  const { stdin, stdout, stderr, env } = streams
  const colour = stderr.isTTY === true && !env.NO_COLOR
  return {
    interactive: stdin.isTTY === true && stderr.isTTY === true && !noInput,
    width: stderr.columns ?? 100,
    say: line => void stderr.write(`${colour ? line : stripVTControlCharacters(line)}\n`),
    data: text => void stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    json: value => void stdout.write(`${JSON.stringify(value)}\n`),
    paint: (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text),
  }
}
