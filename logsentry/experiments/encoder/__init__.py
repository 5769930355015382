"""The engineering study behind the encoder classifier: which choices matter at very low false-positive rates.

`reports_data` reads the staged token rows, `views` changes what of them is seen, `folds` splits them by distinct sequence, `fitting`
fits one method on one fold, `kept` keeps what came of it, `measures` judges it, `grid` does so for every level of one factor, and
`study_page` says what it came to. The other modules are one experiment each.
"""
