"""What people type to sign in."""

from django import forms

LONGEST_PASSWORD = 1024


class SignInForm(forms.Form):
    """An e-mail and a password. Whether they belong together is not the form's to say."""

    email = forms.CharField(max_length=254, error_messages={"required": "Enter your e-mail address."})
    password = forms.CharField(
        max_length=LONGEST_PASSWORD, strip=False, error_messages={"required": "Enter your password."}
    )
