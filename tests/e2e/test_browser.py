"""The dashboard in a real browser, against the real daemon."""
import pytest
from helpers import wait_until
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
         "--disable-background-networking --disable-component-update --disable-sync "
         "--force-prefers-reduced-motion").split()


@pytest.fixture
def browser(fleet):
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={fleet.directory}/browser", "--window-size=1280,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    # without a window manager some versions think that the page has no focus, and then no element gets any
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    yield driver
    driver.quit()


def points(browser, more=""):
    return browser.find_elements(By.CSS_SELECTOR, f"#front-chart [data-trial]{more}")


def text_of(browser, name):
    """In one step: the page may replace what is inside between two. "" while it is not there."""
    return browser.execute_script("const node = document.getElementById(arguments[0]); return node ? node.innerText : ''", name)


def details(browser):
    return browser.find_element(By.ID, "point-details")


def quiet(fleet, search, seconds):
    """Lets the daemon tell us that nothing happened for so long: what a model says of the end may come after it."""
    etag = None
    for _ in range(5):
        waited = fleet.api.call("GET", f"/v1/searches/{search}/front?wait={seconds}",
                                headers={"If-None-Match": etag} if etag else {})
        if waited.status == 304:
            return
        etag = waited.headers["ETag"]
    raise AssertionError("it does not come to rest")


def shown_ratios(browser):
    bars = details(browser).find_elements(By.CSS_SELECTOR, "[data-ratio]")
    return [float(bar.get_attribute("data-ratio")) for bar in bars]


def test_a_search_appears_and_grows(fleet, browser, tmp_path):
    browser.get(f"http://127.0.0.1:{fleet.port}/")
    main = browser.find_element(By.TAG_NAME, "main")
    wait_until(lambda: "No search yet" in main.text, 30, "the page says there is none")
    gate = fleet.directory / "gate"
    name = "<b>a name</b> & more"
    search = fleet.api.submit(fleet.synthetic(name=name, trials=16, held_out=True, options=("--gate", gate)))
    wait_until(lambda: browser.find_element(By.ID, "search-name").text == name, 30, "the search is shown")
    assert points(browser) == []
    gate.touch()
    wait_until(lambda: len(points(browser)) >= 5, 60, "points appear without a reload")
    front = fleet.api.wait_state(search, "done")
    wait_until(lambda: browser.find_element(By.ID, "search-state").text == "done", 30, "the end is shown")

    shown = {int(p.get_attribute("data-trial")) for p in points(browser)}
    assert shown == {p["trial"] for p in front["points"] + front["sweep"] + front["dominated"]}
    leading = {int(p.get_attribute("data-trial")) for p in points(browser, ".front")}
    assert leading == {p["trial"] for p in front["points"]}
    for line in ("#front-line", "#sweep-line", "#hypervolume-line", "#hypervolume-sweep"):
        assert len(browser.find_element(By.CSS_SELECTOR, line).get_attribute("d")) > 10, line
    assert "model averaging (equal ratios)" in browser.find_element(By.ID, "search").text
    assert "2 workers" in browser.find_element(By.ID, "fleet").text

    # pointing at a trial tells its ratios and scores
    target = front["points"][len(front["points"]) // 2]
    mark = points(browser, f'[data-trial="{target["trial"]}"]')[0]
    ActionChains(browser).move_to_element(mark).perform()
    wait_until(lambda: details(browser).get_attribute("data-trial") is not None, 10, "the panel shows a trial")
    trial = int(details(browser).get_attribute("data-trial"))  # marks may overlap: the upper one counts
    every = front["points"] + front["sweep"] + front["dominated"]
    point = next(p for p in every if p["trial"] == trial)
    assert shown_ratios(browser) == point["ratios"]
    assert f"Trial {trial}" in details(browser).text and f"{point['scores'][0]['mean']:.3f}" in details(browser).text
    browser.save_screenshot(str(tmp_path / "front.png"))

    # so does the keyboard
    first = browser.find_element(By.CSS_SELECTOR, '#front-chart [tabindex="0"]')
    browser.execute_script("arguments[0].focus()", first)
    browser.switch_to.active_element.send_keys(Keys.END)
    last = max(every, key=lambda p: (p["scores"][0]["mean"], p["trial"]))
    wait_until(lambda: details(browser).get_attribute("data-trial") == str(last["trial"]), 10, "End goes rightmost")

    # the other half moves the points, and leaves those that have no scores there
    browser.execute_script("document.querySelector('[value=heldout]').click()")
    wait_until(lambda: len(points(browser)) == front["confirm"]["done"], 10, "only confirmed trials are shown")

    faults = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not faults, faults


def test_other_ratios_than_were_asked_for(fleet, browser, tmp_path):
    search = fleet.api.submit(fleet.synthetic(trials=16, options=("--effective", 0.5)))
    front = fleet.api.wait_state(search, "done")
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    wait_until(lambda: len(points(browser)) == 16, 30, "all trials are shown")
    end = next(p for p in front["sweep"] if p["mean_ratio"] == 1)
    browser.execute_script("arguments[0].focus()", points(browser, f'[data-trial="{end["trial"]}"]')[0])
    wait_until(lambda: details(browser).get_attribute("data-trial") == str(end["trial"]), 10, "the panel shows it")
    bars = details(browser).find_elements(By.CSS_SELECTOR, "[data-ratio]")
    assert [bar.get_attribute("data-effective") for bar in bars] == ["0.5", "0.5", None]
    assert [len(bar.find_elements(By.CSS_SELECTOR, ".ratio-tick")) for bar in bars] == [1, 1, 0]
    assert "came out 0.500" in bars[0].text and "came out" not in bars[2].text
    assert "came out otherwise" in details(browser).find_element(By.CSS_SELECTOR, ".badge").text
    browser.execute_script("document.querySelector('#table').open = true")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#table td.astray")) > 0
    browser.save_screenshot(str(tmp_path / "effective.png"))
    zero = next(p for p in front["sweep"] if p["mean_ratio"] == 0)  # nothing is lost of nothing
    browser.execute_script("arguments[0].focus()", points(browser, f'[data-trial="{zero["trial"]}"]')[0])
    wait_until(lambda: details(browser).get_attribute("data-trial") == str(zero["trial"]), 10, "the panel shows it")
    assert not details(browser).find_elements(By.CSS_SELECTOR, ".badge, .ratio-tick")


def test_a_worker_that_refuses_is_seen(fleet, browser):
    gate = fleet.directory / "gate"
    search = fleet.api.submit(fleet.synthetic(trials=5, options=("--gate", gate)))
    worker = fleet.api.post("/v1/workers", {"name": "other:1", "slots": 1})["worker"]
    lease = fleet.api.post("/v1/leases", {"worker": worker, "wait_s": 10})["lease"]
    fleet.api.post(f"/v1/leases/{lease}/release", {"refused": "models.base: tensor \"<x>\" differs"})
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    wait_until(lambda: "tensor \"<x>\" differs" in text_of(browser, "search-warnings"), 30, "the warning is shown")
    assert "refuses this search" in text_of(browser, "workers")
    gate.touch()
    fleet.api.wait_state(search, "done")


def test_an_ended_search_promises_nothing(fleet, browser):
    search = fleet.api.submit(fleet.synthetic(trials=8, attempts=1, options=("--fail-above", 0.99)))
    fleet.api.wait_state(search, "done")
    failed = fleet.api.submit(fleet.synthetic(trials=8, attempts=1, options=("--fail-above", -1)))
    fleet.api.wait_front(failed, lambda f: f["state"] == "failed", 60, "it fails")
    page = f"http://127.0.0.1:{fleet.port}/#/searches/"
    browser.get(f"{page}{search}")
    text = lambda name: text_of(browser, name)  # noqa: E731
    wait_until(lambda: "an endpoint has no scores" in text("tile-hypervolume"), 30, "why there is no hypervolume")
    assert "no held-out round" in text("tile-heldout") and "an endpoint has no scores" in text("hypervolume-chart")
    browser.get(f"{page}{failed}")
    wait_until(lambda: "No trial was scored" in text("front-chart"), 30, "there is nothing to wait for")
    assert "the first ratio is too great" in text("search-reason")


def test_a_sweep_with_holes_claims_little(fleet, browser):
    strategy = {"type": "hma", "sweep_points": 7, "means": [0.3, 0.6]}
    whole = fleet.api.submit(fleet.synthetic(trials=20, strategy=strategy, held_out=True))
    alone = fleet.api.submit(fleet.synthetic(trials=20, strategy=strategy))
    holes = fleet.api.submit(fleet.synthetic(trials=20, attempts=1, strategy=strategy, held_out=True,
                                             options=("--fail-at", 0.5, "--tasks-times", 0.01)))
    for search in (whole, alone, holes):
        fleet.api.wait_state(search, "done")
    assert fleet.api.front(holes)["sweep_total"] == 7 and len(fleet.api.front(holes)["sweep"]) == 6
    tile = lambda: text_of(browser, "tile-hypervolume")  # noqa: E731
    green = lambda: browser.find_elements(By.CSS_SELECTOR, "#tiles .good")  # noqa: E731
    pieces = lambda: browser.find_element(By.ID, "sweep-line").get_attribute("d").count("M")  # noqa: E731
    note = lambda: browser.find_element(By.ID, "ends-note")  # noqa: E731

    def look(search):
        browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
        named = lambda: text_of(browser, "search-facts").startswith(f"search {search} ")  # noqa: E731
        wait_until(lambda: named() and points(browser), 30, "the search is shown")

    look(whole)
    assert len(green()) == 2 and pieces() == 1 and not note().is_displayed()
    assert "reference −0.1" in text_of(browser, "hypervolume-units")
    look(alone)
    assert "averaging" in tile() and "+" in tile() and not green()
    look(holes)
    assert "sweep incomplete: 6 of 7" in tile() and not green() and pieces() == 2
    assert "tasks: the ends differ by 0.007, within 2 standard errors" in note().text
    listed = browser.find_element(By.CSS_SELECTOR, "#searches [aria-current]")
    assert listed.text.startswith(f"#{holes} ")


def test_failed_held_out_halves_have_their_reasons(fleet, browser):
    search = fleet.api.submit(fleet.synthetic(trials=8, attempts=1, held_out=True, options=("--fail-half", "heldout")))
    n = fleet.api.wait_state(search, "done")["confirm"]["failed"]
    assert n > 0
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    wait_until(lambda: f"{n} held-out halves" in text_of(browser, "tile-failed"), 30, "they are counted")
    browser.find_element(By.CSS_SELECTOR, "#failed summary").click()
    rows = lambda: browser.find_elements(By.CSS_SELECTOR, "#failed tbody tr")  # noqa: E731
    wait_until(lambda: len(rows()) == n, 10, "a row each")
    assert all("this half always fails" in row.text for row in rows())


def test_the_daemon_goes_and_comes_back(fleet, browser):
    search = fleet.api.submit(fleet.synthetic(trials=6))
    fleet.api.wait_state(search, "done")
    # a stable address for the browser: the same port again after the restart
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    wait_until(lambda: len(points(browser)) == 6, 30, "all points")
    banner = browser.find_element(By.ID, "banner")
    assert not banner.is_displayed()
    port = fleet.port
    fleet.daemon.kill()
    wait_until(banner.is_displayed, 30, "the banner says that the daemon is gone")
    assert "does not answer" in banner.text and len(points(browser)) == 6
    fleet.start_daemon(port)
    wait_until(lambda: not banner.is_displayed(), 60, "the banner goes when the daemon is back")


def test_an_idle_page_costs_next_to_nothing(fleet, browser):
    search = fleet.api.submit(fleet.synthetic(trials=4, strategy={"type": "sweep", "sweep_points": 4}))
    fleet.api.wait_state(search, "done")
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    wait_until(lambda: len(points(browser)) == 4, 30, "all points")
    count = "return performance.getEntriesByType('resource').filter((e) => e.name.includes('/front')).length"
    before = browser.execute_script(count)
    quiet(fleet, search, 6)
    assert browser.execute_script(count) - before <= 1
    assert browser.title.endswith("paretod")


CORNERS = """
const [x_goal, y_goal, pairs, done] = arguments;
import("/assets/points.js").then(({ corners }) => {
  const points = pairs.map(([x, y], trial) => ({ trial, role: "front", x: { mean: x }, y: { mean: y } }));
  done(corners(points, { goal: x_goal }, { goal: y_goal }).map((p) => p.trial));
}, (error) => done(String(error)));
"""


def test_corners_of_the_front_in_the_plane_that_is_shown(fleet, browser):
    browser.get(f"http://127.0.0.1:{fleet.port}/")
    places = [[1, 9], [5, 3], [0, 0], [4, 6], [3, 2]]
    wanted = {  # by ascending x
        ("max", "max"): [0, 3, 1],
        ("max", "min"): [2, 4, 1],
        ("min", "max"): [2, 0],
        ("min", "min"): [2],
    }
    for goals, trials in wanted.items():
        assert browser.execute_async_script(CORNERS, *goals, places) == trials, goals


HIDE = """
Object.defineProperty(document, "hidden", { value: arguments[0], configurable: true });
document.dispatchEvent(new Event("visibilitychange"));
"""


def test_a_hidden_tab_asks_for_nothing(fleet, browser):
    search = fleet.api.submit(fleet.synthetic(name="first", trials=4, strategy={"type": "sweep", "sweep_points": 4}))
    fleet.api.wait_state(search, "done")
    browser.get(f"http://127.0.0.1:{fleet.port}/")
    wait_until(lambda: len(points(browser)) == 4, 30, "all points")
    browser.execute_script(HIDE, True)
    asked = "return performance.getEntriesByType('resource').filter((e) => e.name.includes('/v1/')).length"
    before = browser.execute_script(asked)
    second = fleet.api.submit(fleet.synthetic(name="second", trials=4, strategy={"type": "sweep", "sweep_points": 4}))
    fleet.api.wait_state(second, "done")
    quiet(fleet, second, 4)  # a tab that is seen asks for the list every 3 seconds
    assert browser.execute_script(asked) == before
    browser.execute_script(HIDE, False)
    wait_until(lambda: browser.find_element(By.ID, "search-name").text == "second", 10, "it catches up at once")


def test_what_a_model_says(fleet, browser, tmp_path):
    search = fleet.api.submit(fleet.synthetic(trials=20, strategy={"type": "bayes", "sweep_points": 5, "design": 4},
                                              options=("--tasks-times", 0.1)))
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    fleet.api.wait_state(search, "done")
    front = wait_until(lambda: (f := fleet.api.front(search))["insight"] and f["insight"]["watermark"] == 20 and f, 60,
                       "the model knows all")
    picks = {trial for trial in front["picks"].values() if trial is not None}
    assert picks, front["picks"]
    rings = lambda: browser.find_elements(By.CSS_SELECTOR, "#front-chart .pick-ring")  # noqa: E731
    wait_until(lambda: len(rings()) == len(picks), 30, "the picks are ringed without a reload")
    wait_until(lambda: "by the model" in text_of(browser, "hypervolume-units"), 30, "the interval is said")
    assert browser.find_element(By.ID, "hypervolume-band").get_attribute("d")
    doubtful = {p["trial"] for p in front["points"] + front["sweep"] + front["dominated"] if p["verdict"] == "doubtful"}
    shown = "return [...document.querySelectorAll('#front-chart .doubtful')].map((e) => Number(e.dataset.trial))"
    wait_until(lambda: set(browser.execute_script(shown)) == doubtful, 30, "the doubtful ones are drawn so")
    assert browser.find_element(By.ID, "legend-doubtful").is_displayed() == bool(doubtful)
    point = next(p for p in front["points"] if p["trial"] in picks)
    browser.execute_script("arguments[0].focus()", points(browser, f'[data-trial="{point["trial"]}"]')[0])
    wait_until(lambda: details(browser).get_attribute("data-trial") == str(point["trial"]), 10, "the panel shows it")
    assert "sure to be on the front" in details(browser).text and "pick: " in details(browser).text
    fits = "return [...document.querySelectorAll('#point-details [data-fit]')].map((e) => Number(e.dataset.fit))"
    wanted = [s["mean"] for s in point["posterior"]]
    wait_until(lambda: browser.execute_script(fits) == wanted, 30, "the panel has the last posterior")
    assert browser.find_element(By.CSS_SELECTOR, "#front-chart .error-bar.fit").get_attribute("d")
    browser.save_screenshot(str(tmp_path / "model.png"))
    faults = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not faults, faults


def test_a_search_without_a_front_has_no_empty_charts(fleet, browser, tmp_path):
    gate = fleet.directory / "gate"
    search = fleet.api.submit(fleet.synthetic(trials=12, strategy={"type": "identify"}, options=("--gate", gate)))
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{search}")
    wait_until(lambda: "This search identifies" in text_of(browser, "no-front"), 30, "the page says why there is no front")
    gate.touch()
    fleet.api.wait_state(search, "done")
    wait_until(lambda: "12 of 12" in text_of(browser, "tile-progress"), 30, "the progress is shown")
    bar = browser.find_element(By.CSS_SELECTOR, "#tile-progress [role=progressbar]")
    assert bar.get_attribute("aria-valuenow") == "12"
    for card in ("front-card", "hypervolume-card", "table"):
        assert not browser.find_element(By.ID, card).is_displayed(), card
    assert not browser.find_elements(By.CSS_SELECTOR, "#tile-hypervolume, #tile-heldout")
    assert browser.find_element(By.CSS_SELECTOR, "#no-front a").get_attribute("href").endswith(f"/{search}/trials.csv")
    browser.save_screenshot(str(tmp_path / "identify.png"))
    # a search with a front after it has its charts again
    other = fleet.api.submit(fleet.synthetic(trials=6))
    fleet.api.wait_state(other, "done")
    browser.get(f"http://127.0.0.1:{fleet.port}/#/searches/{other}")
    wait_until(lambda: len(points(browser)) == 6, 30, "its trials are shown")
    assert browser.find_element(By.ID, "hypervolume-card").is_displayed()
    assert not browser.find_element(By.ID, "no-front").is_displayed()
    faults = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not faults, faults
