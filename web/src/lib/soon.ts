// SPDX-License-Identifier: Apache-2.0
// Many calls in a short time become one, a moment after the first of them; while it runs, what comes in waits for the next. So a flood of changes
// is answered at a steady pace instead of never or without end.
export interface Soon {
  call: () => void;
  cancel: () => void;
}

export function soon(run: () => Promise<void>, ms: number): Soon {
  let timer = 0;
  let running = false;
  let again = false;

  async function go() {
    timer = 0;
    running = true;
    try {
      await run();
    } finally {
      running = false;
      if (again) call();
      again = false;
    }
  }

  function call() {
    if (running) again = true;
    else timer ||= window.setTimeout(() => void go(), ms);
  }

  return {
    call,
    cancel: () => {
      clearTimeout(timer);
      timer = 0;
      again = false;
    },
  };
}
