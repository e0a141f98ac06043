"""Signs people in by an OpenID Connect provider of another maker, as a browser without scripts does.

The provider (oidc-provider-mock, on Authlib) signs with RS256 and knows two people: one whose role may read, and one whose
role nobody has named. Usage: sign_in.py URL PROVIDER
"""

import sys

import httpx


def begin(browser):
    """As far as the provider: the answer that sends the browser there."""
    page = browser.get("/sign-in?next=/drivers")
    assert "Sign in with the mock" in page.text, page.text
    there = browser.get("/sign-in/oidc?next=/drivers")
    assert there.status_code == 303, (there.status_code, there.text)
    return there.headers["location"]


def come_back(browser, there, **form):
    """What the server answers when the provider sends the browser back after this form."""
    back = httpx.post(there, data=form)
    assert back.status_code == 302, (back.status_code, back.text)
    return browser.get(back.headers["location"])


def main(url, provider):
    """Each person in a browser of their own."""
    with httpx.Client(base_url=url, headers={"accept": "text/html"}) as browser:
        there = begin(browser)
        assert there.startswith(provider), there
        answer = come_back(browser, there, sub="ada")
        assert (answer.status_code, answer.headers["location"]) == (303, "/drivers"), answer.text
        assert browser.get("/drivers").status_code == 200
        assert browser.get("/tokens").status_code == 403, "the role of ada may read, and no more"

    with httpx.Client(base_url=url, headers={"accept": "text/html"}) as browser:
        answer = come_back(browser, begin(browser), sub="eve")
        assert answer.status_code == 403 and "none of your roles" in answer.text, answer.text
        assert browser.get("/drivers").status_code == 303, "eve has no session"

    with httpx.Client(base_url=url, headers={"accept": "text/html"}) as browser:
        answer = come_back(browser, begin(browser), sub="ada", action="deny")
        assert answer.status_code == 403 and "did not let you in" in answer.text, answer.text
    print("one signed in, one refused for want of a role, one declined")


main(*sys.argv[1:])
