// Live comparisons: started and cancelled through gradio's events, told whole as they go.

const GIVE_UP = 4000; // ms until a cancelled event has surely ended

export class Runs {
  /** @param told (view) => void, of the run that is waited for */
  constructor({ props, trigger, watch }, told) {
    Object.assign(this, { props, trigger, told, run: 0, busy: false, cancelling: null, wanted: false });
    watch("update", () => this.#update(props.update));
  }

  start(value) {
    this.run += 1;
    this.busy = true;
    this.props.value = JSON.stringify({ ...value, run: this.run });
    if (this.cancelling) this.wanted = true;
    else this.trigger("submit");
  }

  /** Stop waiting; answers of an older run are ignored. */
  cancel() {
    if (!this.busy) return;
    this.busy = false;
    this.run += 1;
    if (this.wanted) this.wanted = false;
    else this.#stop();
  }

  /** Gradio drops what is submitted before a cancelled event has ended, and tells its end as a failure. */
  #stop() {
    this.trigger("stop");
    this.cancelling = setTimeout(() => this.#stopped(), GIVE_UP);
  }

  #stopped() {
    clearTimeout(this.cancelling);
    this.cancelling = null;
    if (this.wanted) this.trigger("submit");
    this.wanted = false;
  }

  #update(view) {
    if (view?.run === -1 && this.cancelling) return this.#stopped();
    if (!view || !this.busy || (view.run !== this.run && view.run !== -1)) return;
    if (view.ended) this.busy = false;
    this.told(view);
  }
}
