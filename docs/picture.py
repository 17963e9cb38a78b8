"""Takes docs/dashboard.png: the dashboard of a running daemon, with one trial in hand.

usage: /usr/bin/python3 docs/picture.py http://127.0.0.1:7878/#/searches/1 TRIAL docs/dashboard.png   (after deploy/quickstart.sh)
Needs Debian's python3-selenium, chromium and chromium-driver (deploy/packages.sh test).
"""
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
         "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars "
         "--force-prefers-reduced-motion --window-size=1180,1090").split()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    url, trial, path = sys.argv[1:]
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        browser.get(url)
        mark = f"#front-chart [data-trial='{trial}'] .mark"
        WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, mark))
        ActionChains(browser).move_to_element(browser.find_element(By.CSS_SELECTOR, mark)).perform()
        browser.save_screenshot(path)
        browser.quit()


if __name__ == "__main__":
    main()
