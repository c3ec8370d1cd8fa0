from sync import clean


def test_script_and_handlers_go_and_text_stays():
    safe = clean.html(
        '<p onclick="x()">Hi <script>alert(1)</script><a href="javascript:x()">a</a><img src=x onerror=y></p>'
    )
    assert safe == '<p>Hi <a rel="noopener noreferrer">a</a></p>'


def test_percent_encoded_body_is_decoded():
    assert clean.html("%3Cb%3Ebold%3C/b%3E 100%25") == "<b>bold</b> 100%"


def test_percent_sign_in_plain_text_is_left_alone():
    assert clean.html("<p>50%20 off</p>") == "<p>50%20 off</p>"


def test_deep_nesting_is_shown_as_plain_text():
    assert clean.html("<div>" * 50_000 + "deep" + "</div>" * 50_000) == "deep"


def test_ten_megabytes_are_shown_short():
    assert len(clean.html("<p>long</p>" * 1_000_000)) < 60_000


def test_unclosed_tag_ends_where_the_next_begins():
    assert clean.plain("1 < 2 <b>and</b> <i 3 <p>so</p>") == "1 < 2 and <i 3 so"


def test_what_a_database_refuses_is_replaced_everywhere():
    assert clean.tree({"a\x00": ["b\ud800", 1, None]}) == {"a\ufffd": ["b\ufffd", 1, None]}


def test_emoji_joiners_and_direction_marks_stay():
    text = "👩‍👩‍👧 \u202eabc\u202c"
    assert clean.text(text) == text
